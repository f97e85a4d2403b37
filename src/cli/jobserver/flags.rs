//! What `MAKEFLAGS` says of a jobserver, read and written. Texts only.
//!
//! The words stand as GNU make writes them: single letters first, then options, then `--` and variables. What is written
//! here names the pool twice, since no form is understood by all: make before 4.4 knows only two numbers of open files and
//! ends with an error when it meets `fifo:`; ninja knows only `fifo:`, and heeds the last. So the numbers are an option and
//! the path stands among the variables, which make hands on and never reads as an option.

use std::path::PathBuf;

const AUTH: &str = "--jobserver-auth=";
/// Its name before GNU make 4.2.
const FDS: &str = "--jobserver-fds=";

/// A way to a pool.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Way {
    Fifo(PathBuf),
    /// Open files: one to read slots from, one to write them to.
    Files(i32, i32),
}

/// A pool that somebody offers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Offer {
    /// The best way first.
    pub(super) ways: Vec<Way>,
    /// How many slots it has, if that is said.
    pub(super) slots: Option<usize>,
}

/// The pool that `flags` names, reachable or not.
pub(super) fn offered(flags: &str) -> Option<Offer> {
    let (options, variables) = split(flags);
    let way = |word: &String| {
        let value = word.strip_prefix(AUTH).or_else(|| word.strip_prefix(FDS))?;
        match value.strip_prefix("fifo:") {
            Some(path) => Some(Way::Fifo(path.into())),
            None => {
                let (read, write) = value.split_once(',')?;
                Some(Way::Files(read.parse().ok()?, write.parse().ok()?))
            }
        }
    };
    // The last option is that of the nearest make; what stands among the variables may be from further away.
    let ways: Vec<Way> =
        options.iter().rev().filter_map(way).chain(variables.iter().filter_map(way)).collect();
    let slots = options.iter().rev().find_map(|word| number(word)?);
    (!ways.is_empty()).then_some(Offer { ways, slots })
}

/// What `flags` say of the number of jobs: `Some(None)` is a `-j` without a bound.
pub(super) fn jobs(flags: &str) -> Option<Option<usize>> {
    split(flags).0.iter().rev().find_map(|word| number(word))
}

fn number(word: &str) -> Option<Option<usize>> {
    let number = word.strip_prefix("-j").or_else(|| word.strip_prefix("--jobs"))?;
    Some(number.trim_start_matches('=').parse().ok().filter(|slots| *slots > 0))
}

/// `flags` with this pool in place of any other, and nothing else changed.
pub(super) fn offering(flags: &str, slots: usize, files: (i32, i32), fifo: Option<&str>) -> String {
    let (options, variables) = split(flags);
    let is_other =
        |word: &String| ["-j", "--jobs", "--jobserver-"].iter().any(|of_pools| word.starts_with(of_pools));
    let mut words: Vec<String> = options.into_iter().filter(|word| !is_other(word)).collect();
    // Letters without a dash mean options only in the first place.
    if words.first().is_none_or(|first| first.starts_with('-')) {
        words.insert(0, String::new());
    }
    words.push(format!("-j{slots}"));
    words.push(format!("{AUTH}{},{}", files.0, files.1));
    let mut variables: Vec<String> = variables.into_iter().filter(|word| !is_other(word)).collect();
    variables.extend(fifo.map(|path| format!("{AUTH}fifo:{path}")));
    if !variables.is_empty() {
        words.push("--".into());
    }
    words.extend(variables);
    words.iter().map(|word| escaped(word)).collect::<Vec<_>>().join(" ")
}

/// The words before `--` and those after it.
fn split(flags: &str) -> (Vec<String>, Vec<String>) {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = flags.chars();
    while let Some(c) = chars.next() {
        match c {
            ' ' | '\t' | '\n' => words.extend(word.take()),
            '\\' => word.get_or_insert_default().extend(chars.next()),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    let mut options = words;
    let variables = match options.iter().position(|word| word == "--") {
        Some(at) => options.split_off(at).into_iter().skip(1).collect(),
        None => Vec::new(),
    };
    (options, variables)
}

fn escaped(word: &str) -> String {
    let mut text = String::with_capacity(word.len());
    for c in word.chars() {
        if matches!(c, ' ' | '\t' | '\n' | '\\') {
            text.push('\\');
        }
        text.push(c);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_pool_is_the_first_way() {
        let offer = |flags: &str| offered(flags).map(|offer| (offer.ways, offer.slots));
        let fifo = |path: &str| Way::Fifo(path.into());
        assert_eq!(offer(" -j4 --jobserver-auth=3,4"), Some((vec![Way::Files(3, 4)], Some(4))));
        assert_eq!(
            offer("-j --jobserver-fds=3,4 --jobserver-auth=fifo:/a\\ b -- X=--jobserver-auth=9,9"),
            Some((vec![fifo("/a b"), Way::Files(3, 4)], None))
        );
        assert_eq!(
            offer("s -j8 --jobserver-auth=5,6 -- --jobserver-auth=fifo:/p"),
            Some((vec![Way::Files(5, 6), fifo("/p")], Some(8)))
        );
        assert_eq!(offer("--jobserver-auth=-2,-2").unwrap().0, [Way::Files(-2, -2)], "not for this process");
        for nothing in
            ["", "w", " -j8", "-j", "--jobserver-auth=", "--jobserver-auth=x,y", "X=--jobserver-fds=1,2 \\"]
        {
            assert_eq!(offer(nothing), None, "{nothing}");
        }
    }

    #[test]
    fn the_last_number_of_jobs_counts() {
        for (flags, told) in [
            ("", None),
            ("ks", None),
            ("-I j1 -- -j1", None),
            (" -j1", Some(Some(1))),
            ("k -j1 -- X=y", Some(Some(1))),
            ("-j8 --jobs=2", Some(Some(2))),
            ("-j4 -j", Some(None)),
            ("--jobs", Some(None)),
        ] {
            assert_eq!(jobs(flags), told, "{flags}");
        }
    }

    #[test]
    fn other_flags_stay_where_make_looks_for_them() {
        let with = |flags: &str| offering(flags, 4, (200, 201), Some("/proc/7/fd/200"));
        let pool = "-j4 --jobserver-auth=200,201 -- ";
        let fifo = "--jobserver-auth=fifo:/proc/7/fd/200";
        assert_eq!(with(""), format!(" {pool}{fifo}"));
        assert_eq!(
            with("ks -j8 --jobserver-auth=3,4 --no-print-directory -- CFLAGS=-O2\\ -g"),
            format!("ks --no-print-directory {pool}CFLAGS=-O2\\ -g {fifo}")
        );
        assert_eq!(with(&with("-I x")), format!(" -I x {pool}{fifo}"), "a pool is named once");
        assert_eq!(offering("", 2, (5, 6), None), " -j2 --jobserver-auth=5,6");
    }
}
