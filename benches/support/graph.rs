//! The same graph of jobs for every contender: what it makes, and from what.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::Path;

/// What the graph looks like.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A third as many samples, three steps for each, and one job that merges them all.
    Samples,
    /// Independent copies.
    Wide,
    /// Each copies what the one before it made.
    Chain,
    /// Independent copies of large files.
    Big { mib: usize },
}

/// So many names fit on no command line.
const TOO_MANY_NAMES: usize = 50_000;

pub(crate) struct Graph {
    pub(crate) kind: Kind,
    pub(crate) jobs: usize,
}

/// One job: its command, inputs and output.
pub(crate) struct Job {
    pub(crate) verb: &'static str,
    pub(crate) input: String,
    pub(crate) output: String,
}

impl Job {
    pub(crate) fn command(&self) -> String {
        let Job { verb, input, output } = self;
        match *verb {
            "cp" => format!("cp {input} {output}"),
            "merge" => format!("{input} > {output}"),
            verb => format!("{verb} {input} > {output}"),
        }
    }
}

impl Graph {
    pub(crate) fn new(kind: Kind, jobs: usize) -> Graph {
        Graph { kind, jobs }
    }

    pub(crate) fn name(&self) -> &'static str {
        match self.kind {
            Kind::Samples => "samples",
            Kind::Wide => "wide",
            Kind::Chain => "chain",
            Kind::Big { .. } => "big",
        }
    }

    pub(crate) fn dirs(&self) -> &'static [&'static str] {
        match self.kind {
            Kind::Samples => &["out/clean", "out/stats", "out/summary"],
            _ => &["out"],
        }
    }

    fn samples(&self) -> impl Iterator<Item = String> + use<> {
        (0..self.jobs / 3).map(|i| format!("s{i:07}"))
    }

    pub(crate) fn sources(&self) -> Vec<String> {
        match self.kind {
            Kind::Samples => self.samples().map(|s| format!("data/{s}.csv")).collect(),
            Kind::Wide | Kind::Big { .. } => (0..self.jobs).map(|i| format!("data/w{i:07}")).collect(),
            Kind::Chain => vec!["data/c0000000".into()],
        }
    }

    /// The jobs in levels: those of one need only what those before it made.
    pub(crate) fn levels(&self) -> Vec<Vec<Job>> {
        let step = |verb, input: String, output: String| Job { verb, input, output };
        match self.kind {
            Kind::Samples => {
                let level = |verb, from: &str, to: &str| {
                    let place = |template: &str, s: &str| template.replace('*', s);
                    self.samples().map(|s| step(verb, place(from, &s), place(to, &s))).collect()
                };
                vec![
                    level("cp", "data/*.csv", "out/clean/*.csv"),
                    level("wc", "out/clean/*.csv", "out/stats/*.txt"),
                    level("cat", "out/stats/*.txt", "out/summary/*.txt"),
                    vec![step("merge", self.merge().into(), "out/merged.txt".into())],
                ]
            }
            Kind::Wide | Kind::Big { .. } => {
                let one = |i| step("cp", format!("data/w{i:07}"), format!("out/w{i:07}"));
                vec![(0..self.jobs).map(one).collect()]
            }
            Kind::Chain => {
                let from =
                    |i: usize| if i == 1 { "data/c0000000".into() } else { format!("out/c{:07}", i - 1) };
                (1..=self.jobs).map(|i| vec![step("cp", from(i), format!("out/c{i:07}"))]).collect()
            }
        }
    }

    /// The command that reads all summaries.
    fn merge(&self) -> &'static str {
        if self.jobs / 3 > TOO_MANY_NAMES { "echo out/summary/* | xargs cat" } else { "cat out/summary/*" }
    }

    /// All inputs of a job.
    fn inputs(&self, job: &Job) -> String {
        match job.verb {
            "merge" => self.samples().map(|s| format!("out/summary/{s}.txt ")).collect(),
            _ => job.input.clone(),
        }
    }

    pub(crate) fn files(&self) -> Vec<String> {
        let made = self.levels().into_iter().flatten().map(|job| job.output);
        self.sources().into_iter().chain(made).collect()
    }

    /// A source that is edited.
    pub(crate) fn edited(&self) -> String {
        let sources = self.sources();
        sources[sources.len() / 2].clone()
    }

    /// The jobs that run when it is.
    pub(crate) fn of_edited(&self) -> Vec<Job> {
        let edited = self.edited();
        let stem = Path::new(&edited).file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let is_one = |job: &Job| job.verb == "merge" || job.input.contains(&stem);
        self.levels().into_iter().flatten().filter(is_one).collect()
    }

    /// How many files the jobs read and make that run when one source is edited.
    pub(crate) fn files_of_edit(&self) -> usize {
        let inputs = |job: &Job| self.inputs(job).split(' ').filter(|name| !name.is_empty()).count();
        self.of_edited().iter().map(|job| inputs(job) + 1).sum()
    }

    /// The rules, for us and for Snakemake, word for word.
    pub(crate) fn rulefile(&self) -> String {
        match self.kind {
            Kind::Samples => {
                let rule = |name: &str, verb: &str, from: &str, to: &str| {
                    let shell = if verb == "cp" {
                        "cp {input} {output}".into()
                    } else {
                        format!("{verb} {{input}} > {{output}}")
                    };
                    format!("rule {name}:\n    input: '{from}'\n    output: '{to}'\n    shell: '{shell}'\n")
                };
                format!(
                    "NAMES = [f's{{i:07d}}' for i in range({})]\nrule all:\n    input: 'out/merged.txt'\n{}{}{}\
                     rule merge:\n    input: expand('out/summary/{{s}}.txt', s=NAMES)\n    \
                     output: 'out/merged.txt'\n    shell: '{} > {{output}}'\n",
                    self.jobs / 3,
                    rule("clean", "cp", "data/{s}.csv", "out/clean/{s}.csv"),
                    rule("stats", "wc", "out/clean/{s}.csv", "out/stats/{s}.txt"),
                    rule("summary", "cat", "out/stats/{s}.txt", "out/summary/{s}.txt"),
                    self.merge(),
                )
            }
            Kind::Wide | Kind::Big { .. } => format!(
                "rule all:\n    input: [f'out/w{{i:07d}}' for i in range({})]\nrule one:\n    \
                 input: 'data/{{s}}'\n    output: 'out/{{s}}'\n    shell: 'cp {{input}} {{output}}'\n",
                self.jobs
            ),
            Kind::Chain => format!(
                "rule all:\n    input: 'out/c{:07}'\ndef before(wc):\n    n = int(wc.n)\n    \
                 return f'out/c{{n - 1:07d}}' if n > 1 else 'data/c0000000'\nrule step:\n    input: before\n    \
                 output: 'out/c{{n,[0-9]+}}'\n    shell: 'cp {{input}} {{output}}'\n",
                self.jobs
            ),
        }
    }

    pub(crate) fn ninja(&self) -> String {
        let mut text = format!(
            "rule cp\n  command = cp $in $out\nrule wc\n  command = wc $in > $out\nrule cat\n  \
             command = cat $in > $out\nrule merge\n  command = {} > $out\n",
            self.merge()
        );
        let jobs: Vec<Job> = self.levels().into_iter().flatten().collect();
        for job in &jobs {
            let _ = writeln!(text, "build {}: {} {}", job.output, job.verb, self.inputs(job));
        }
        let _ = writeln!(text, "build all: phony {}\ndefault all", self.targets(&jobs).join(" "));
        text
    }

    pub(crate) fn makefile(&self) -> String {
        let jobs: Vec<Job> = self.levels().into_iter().flatten().collect();
        let mut text = format!("all: {}\n", self.targets(&jobs).join(" "));
        for job in &jobs {
            let _ = writeln!(text, "{}: {}\n\t{}", job.output, self.inputs(job), job.command());
        }
        text
    }

    /// What is asked for.
    fn targets<'a>(&self, jobs: &'a [Job]) -> Vec<&'a str> {
        let wanted = match self.kind {
            Kind::Wide | Kind::Big { .. } => jobs,
            _ => &jobs[jobs.len() - 1..],
        };
        wanted.iter().map(|job| &*job.output).collect()
    }

    /// Writes the sources and makes the directories of the outputs.
    pub(crate) fn write(&self, root: &Path) {
        fs::create_dir_all(root.join("data")).expect("a directory");
        self.make_dirs(root);
        if let Kind::Big { mib } = self.kind {
            return self.write_big(root, mib);
        }
        for (i, source) in self.sources().iter().enumerate() {
            let mut text = format!("id,name,value\n{i},sample{i},{}\n", i * 7919 % 100_003);
            (0..12).for_each(|k| {
                let _ = writeln!(text, "{i},{k},{}", (i + k) * 31 % 9973);
            });
            fs::write(root.join(source), text).expect("a source");
        }
    }

    /// Blocks of a megabyte of which no two are the same.
    fn write_big(&self, root: &Path, mib: usize) {
        let noise = |n: u32| (n.wrapping_mul(2_654_435_761) >> 13) as u8;
        let mut block: Vec<u8> = (0..1 << 20).map(noise).collect();
        for (i, source) in self.sources().iter().enumerate() {
            let mut file = fs::File::create(root.join(source)).expect("a source");
            for k in 0..mib {
                block[..8].copy_from_slice(&((i * 4096 + k) as u64).to_le_bytes());
                file.write_all(&block).expect("it is written");
            }
        }
    }

    /// Makes what the jobs would make, without them: in their order, and short.
    pub(crate) fn make(&self, root: &Path) {
        for output in self.levels().into_iter().flatten().map(|job| job.output) {
            fs::write(root.join(&output), format!("{output}\n")).expect("an output");
        }
    }

    /// Takes away all that was made.
    pub(crate) fn clean(&self, root: &Path) {
        let _ = fs::remove_dir_all(root.join("out"));
        self.make_dirs(root);
    }

    fn make_dirs(&self, root: &Path) {
        for dir in self.dirs() {
            fs::create_dir_all(root.join(dir)).expect("a directory");
        }
    }
}
