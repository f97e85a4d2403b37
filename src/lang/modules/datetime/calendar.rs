//! Days of the Gregorian calendar, as numbers and as year, month and day. Pure.

/// Days before the first of January of the year 1 is day 1, as in Python's `toordinal`.
pub(super) const FIRST: i64 = 1;
/// The last day of the year 9999.
pub(super) const LAST: i64 = 3_652_059;
/// The first of January 1970.
pub(super) const EPOCH: i64 = 719_163;

pub(super) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// From Monday on.
pub(super) const WEEKDAYS: [&str; 7] =
    ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

pub(super) fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

pub(super) fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

fn days_before_year(year: i64) -> i64 {
    let past = year - 1;
    past * 365 + past / 4 - past / 100 + past / 400
}

/// The day of the year before the month begins.
fn days_before_month(year: i64, month: i64) -> i64 {
    (1..month).map(|month| days_in(year, month)).sum()
}

/// The number of a day that is in the calendar.
pub(super) fn ordinal(year: i64, month: i64, day: i64) -> i64 {
    days_before_year(year) + days_before_month(year, month) + day
}

/// Year, month and day of a number between [`FIRST`] and [`LAST`].
pub(super) fn date_of(ordinal: i64) -> (i64, i64, i64) {
    // 400 years have 146097 days: never too late by this, and too early by one at most.
    let mut year = (ordinal - 1) * 400 / 146_097 + 1;
    while days_before_year(year + 1) < ordinal {
        year += 1;
    }
    while days_before_year(year) >= ordinal {
        year -= 1;
    }
    let mut day = ordinal - days_before_year(year);
    let mut month = 1;
    while day > days_in(year, month) {
        day -= days_in(year, month);
        month += 1;
    }
    (year, month, day)
}

/// From 1.
pub(super) fn day_of_year(ordinal: i64) -> i64 {
    ordinal - days_before_year(date_of(ordinal).0)
}

/// Monday is 0.
pub(super) fn weekday(ordinal: i64) -> i64 {
    (ordinal + 6).rem_euclid(7)
}

/// Year and week as ISO 8601 counts them: the first week is the one with the year's first Thursday.
pub(super) fn iso_week(ordinal: i64) -> (i64, i64) {
    let thursday = ordinal - weekday(ordinal) + 3;
    // Days around the ends of the calendar belong to years outside of it.
    let year = match thursday {
        ..FIRST => 0,
        thursday if thursday > LAST => 10_000,
        thursday => date_of(thursday).0,
    };
    let first = days_before_year(year) + 1;
    (year, (thursday - first) / 7 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_dates_are_the_same_days() {
        assert_eq!((ordinal(1, 1, 1), ordinal(9999, 12, 31), ordinal(1970, 1, 1)), (FIRST, LAST, EPOCH));
        let mut expected = (1, 1, 1);
        for day in FIRST..=LAST {
            assert_eq!(date_of(day), expected, "{day}");
            let (year, month, last) = expected;
            expected = match (month, last == days_in(year, month)) {
                (12, true) => (year + 1, 1, 1),
                (_, true) => (year, month + 1, 1),
                _ => (year, month, last + 1),
            };
        }
    }
}
