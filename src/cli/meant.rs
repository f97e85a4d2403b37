//! "Did you mean": what of the known words is most like one that nobody knows.

/// Those of `known` in which the fewest letters differ from `wrong`, at most two, for more are no help; each may differ in as
/// many letters as `limit` says of it.
pub(crate) fn nearest<'k>(
    wrong: &str,
    known: impl IntoIterator<Item = &'k str>,
    limit: impl Fn(&str) -> usize,
) -> Vec<&'k str> {
    let scored = known.into_iter().map(|name| (strsim::osa_distance(name, wrong), name));
    let mut near: Vec<(usize, &str)> = scored.filter(|(distance, name)| *distance <= limit(name)).collect();
    near.sort_unstable();
    near.dedup();
    let least = near.first().map_or(0, |(distance, _)| *distance);
    near.into_iter().take_while(|(distance, _)| *distance == least).map(|(_, name)| name).take(2).collect()
}

/// How many letters of a name may differ when there are few names: one letter alone is like any other.
pub(crate) fn a_third(name: &str) -> usize {
    match name.chars().count() {
        0 | 1 => 0,
        length => (length / 3).max(1),
    }
}

/// The question whether one of `near` is meant.
pub(crate) fn question(near: &[&str]) -> Option<String> {
    match near {
        [] => None,
        [one] => Some(format!("did you mean `{one}`?")),
        [one, two, ..] => Some(format!("did you mean `{one}` or `{two}`?")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_that_are_equally_near_are_both_named() {
        let known = ["pull", "push", "plan", "list"];
        assert_eq!(nearest("pul", known, |_| 1), ["pull"]);
        assert_eq!(nearest("puxh", known, |_| 1), ["push"]);
        assert_eq!(nearest("pulh", known, |_| 1), ["pull", "push"]);
        assert_eq!(nearest("pulll", known, |_| 2), ["pull"], "only the nearest");
        assert_eq!(
            question(&nearest("cii", ["ci", "big", "cit"], a_third)).unwrap(),
            "did you mean `ci` or `cit`?"
        );
        assert_eq!(
            question(&nearest("abz", ["abx", "aby", "abc"], |_| 1)).unwrap(),
            "did you mean `abc` or `abx`?"
        );
        assert_eq!(question(&nearest("xyz", known, a_third)), None);
    }
}
