//! Random workflows: jobs whose outputs are pure functions of their inputs and params.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// A file: a source, or output 0 or 1 of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum File {
    Source(usize),
    Output(usize, usize),
}

/// What the first output of a job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    File,
    /// A directory with one file in it.
    Directory,
    /// Touched: of no content, it stands for all that its job was executed with.
    Marker,
}

impl Shape {
    pub(crate) fn of(job: usize) -> Shape {
        match job % 5 {
            1 => Shape::Directory,
            3 => Shape::Marker,
            _ => Shape::File,
        }
    }
}

impl File {
    /// Where its content is.
    pub(crate) fn path(self) -> String {
        match self {
            File::Source(i) => format!("s{i}"),
            File::Output(job, 0) if Shape::of(job) == Shape::Directory => format!("o/j{job}/x"),
            File::Output(job, 0) => format!("o/j{job}"),
            File::Output(job, _) => format!("o/second/j{job}"),
        }
    }

    /// What its rule makes.
    pub(crate) fn output(self) -> String {
        let path = self.path();
        path.strip_suffix("/x").map(str::to_string).unwrap_or(path)
    }

    /// How job `reader` names it: a directory as a whole, or what is in it.
    pub(crate) fn as_input(self, reader: usize) -> String {
        if reader.is_multiple_of(2) { self.output() } else { self.path() }
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Cat,
    /// Cut off early most changes of what they read.
    First,
    Unique,
    WithoutA,
}

#[derive(Clone, Debug)]
pub(crate) struct Job {
    pub(crate) inputs: Vec<File>,
    pub(crate) kind: Kind,
    pub(crate) params: (u8, u8),
    pub(crate) uses_params: bool,
    /// A part of the command without an effect.
    pub(crate) variant: u8,
    /// A part of the rule's name.
    pub(crate) name: u8,
    pub(crate) second: bool,
    pub(crate) fails: bool,
    /// Its first output is temporary.
    pub(crate) temp: bool,
}

impl Job {
    pub(crate) fn outputs(&self) -> usize {
        1 + usize::from(self.second)
    }

    /// What its rule is called.
    pub(crate) fn rule(&self, number: usize) -> String {
        format!("j{number}{}", ["", "x", "y"][usize::from(self.name)])
    }

    pub(crate) fn command(&self, number: usize) -> String {
        let (all, filter) = (
            "cat $(for f in {input}; do test -d $f && echo $f/x || echo $f; done)",
            match self.kind {
                Kind::Cat => "cat",
                Kind::First => "sed -n 1p",
                Kind::Unique => "sort -u",
                Kind::WithoutA => "sed /a/d",
            },
        );
        let (before, to) = match Shape::of(number) {
            Shape::File => ("", "{output[0]}".to_string()),
            Shape::Directory => ("mkdir {output[0]}; ", "{output[0]}/x".to_string()),
            Shape::Marker => ("", format!("seen/j{number}")),
        };
        let mut text = format!(": variant {}; {before}{all} | {filter} > {to}", self.variant);
        if self.uses_params {
            let _ = write!(text, "; echo {{params.p}}{{params.q}} >> {to}");
        }
        if self.second {
            let _ = write!(text, "; sed -n 1p {to} > {{output[1]}}");
        }
        let _ = write!(text, "; test ! -e fail/j{number}");
        text
    }

    pub(crate) fn make(&self, number: usize, inputs: &[String]) -> Vec<String> {
        let all = inputs.concat();
        let lines: Vec<&str> = all.lines().collect();
        let kept: Vec<&str> = match self.kind {
            Kind::Cat => lines,
            Kind::First => lines.into_iter().take(1).collect(),
            Kind::Unique => lines.into_iter().collect::<BTreeSet<_>>().into_iter().collect(),
            Kind::WithoutA => lines.into_iter().filter(|line| !line.contains('a')).collect(),
        };
        let mut text: String = kept.iter().map(|line| format!("{line}\n")).collect();
        if self.uses_params {
            let _ = writeln!(text, "{}{}", self.params.0, self.params.1);
        }
        let first = text.lines().next().map(|line| format!("{line}\n")).unwrap_or_default();
        let mut made = vec![if Shape::of(number) == Shape::Marker { String::new() } else { text }];
        if self.second {
            made.push(first);
        }
        made
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Workflow {
    pub(crate) sources: usize,
    pub(crate) jobs: Vec<Job>,
}

impl Workflow {
    /// The file with this number, sources first, then what the jobs make in their order.
    pub(crate) fn file(&self, number: usize) -> File {
        match number.checked_sub(self.sources) {
            None => File::Source(number),
            Some(job) => File::Output(job, 0),
        }
    }

    /// What `all` asks for: every output that is to be kept.
    pub(crate) fn kept(&self) -> Vec<File> {
        self.outputs().into_iter().filter(|file| !self.is_temp(*file)).collect()
    }

    pub(crate) fn is_temp(&self, file: File) -> bool {
        matches!(file, File::Output(job, 0) if self.jobs[job].temp)
    }

    pub(crate) fn rulefile(&self) -> String {
        let mut text = String::from("rule all:\n    input:\n        's0',\n        'o/grown',\n");
        for file in self.kept() {
            let _ = writeln!(text, "        '{}',", file.output());
        }
        for (number, job) in self.jobs.iter().enumerate() {
            let list = |files: Vec<File>| {
                files.iter().map(|f| format!("'{}'", f.as_input(number))).collect::<Vec<_>>().join(", ")
            };
            let outputs = (0..job.outputs()).map(|k| File::Output(number, k));
            let shaped = |file: File| match (file, Shape::of(number)) {
                (File::Output(_, 0), Shape::Directory) => format!("directory('{}')", file.output()),
                (File::Output(_, 0), Shape::Marker) => format!("touch('{}')", file.output()),
                _ => format!("'{}'", file.output()),
            };
            let outputs = outputs.map(|file| match self.is_temp(file) {
                true => format!("temp({})", shaped(file)),
                false => shaped(file),
            });
            let outputs = outputs.collect::<Vec<_>>().join(", ");
            let _ = write!(
                text,
                "\nrule {}:\n    input: {}\n    output: {}\n    params: p={}, q={}\n    shell: '{}'\n",
                job.rule(number),
                list(job.inputs.clone()),
                outputs,
                job.params.0,
                job.params.1,
                job.command(number)
            );
        }
        text
    }

    pub(crate) fn outputs(&self) -> Vec<File> {
        let jobs = self.jobs.iter().enumerate();
        jobs.flat_map(|(n, job)| (0..job.outputs()).map(move |k| File::Output(n, k))).collect()
    }

    /// The jobs that a file needs. A job comes after those that it needs, so one pass backwards is enough.
    pub(crate) fn closure(&self, target: Option<File>) -> Vec<usize> {
        let mut wanted = vec![false; self.jobs.len()];
        for file in target.map_or(self.kept(), |target| vec![target]) {
            if let File::Output(job, _) = file {
                wanted[job] = true;
            }
        }
        for n in (0..self.jobs.len()).rev() {
            for input in self.jobs[n].inputs.iter().filter(|_| wanted[n]).collect::<Vec<_>>() {
                if let File::Output(job, _) = input {
                    wanted[*job] = true;
                }
            }
        }
        (0..self.jobs.len()).filter(|n| wanted[*n]).collect()
    }

    /// Every file, made from the sources alone.
    pub(crate) fn made_anew(&self, sources: &BTreeMap<File, String>) -> BTreeMap<File, String> {
        let mut files = sources.clone();
        for (n, job) in self.jobs.iter().enumerate() {
            let inputs: Vec<String> = job.inputs.iter().map(|f| files[f].clone()).collect();
            let made = job.make(n, &inputs).into_iter().enumerate();
            files.extend(made.map(|(k, text)| (File::Output(n, k), text)));
        }
        files
    }
}
