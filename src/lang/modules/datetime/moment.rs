//! A point of time, to the microsecond. Pure.

use super::calendar::{self, EPOCH, FIRST, LAST};

/// In microseconds.
pub(super) const SECOND: i128 = 1_000_000;
pub(super) const DAY: i128 = 86_400 * SECOND;

/// Between the years 1 and 9999.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Moment {
    /// Microseconds since day 0.
    micros: i128,
    /// Whether it says that it is UTC; otherwise it says nothing about its zone.
    pub(super) utc: bool,
}

impl Moment {
    /// The beginning of a day; `None` when there is no such day.
    pub(super) fn on(year: i64, month: i64, day: i64) -> Option<Moment> {
        let there = (1..=9999).contains(&year)
            && (1..=12).contains(&month)
            && (1..=calendar::days_in(year, month)).contains(&day);
        let ordinal = there.then(|| calendar::ordinal(year, month, day))?;
        Some(Moment { micros: i128::from(ordinal) * DAY, utc: false })
    }

    /// A time of the same day; `None` when there is no such time.
    pub(super) fn at(self, hour: i64, minute: i64, second: i64, micro: i64) -> Option<Moment> {
        let there = (0..24).contains(&hour)
            && (0..60).contains(&minute)
            && (0..60).contains(&second)
            && (0..1_000_000).contains(&micro);
        let seconds = there.then_some((hour * 60 + minute) * 60 + second)?;
        let micros = i128::from(self.ordinal()) * DAY + i128::from(seconds) * SECOND + i128::from(micro);
        Some(Moment { micros, ..self })
    }

    /// The same time, said to be UTC or not.
    pub(super) fn zoned(self, utc: bool) -> Moment {
        Moment { utc, ..self }
    }

    pub(super) fn of_ordinal(ordinal: i64) -> Option<Moment> {
        let there = (FIRST..=LAST).contains(&ordinal);
        there.then(|| Moment { micros: i128::from(ordinal) * DAY, utc: false })
    }

    pub(super) fn of_epoch(micros: i128) -> Option<Moment> {
        Moment { micros: i128::from(EPOCH) * DAY, utc: false }.later(micros)
    }

    pub(super) fn since_epoch(self) -> i128 {
        self.micros - i128::from(EPOCH) * DAY
    }

    /// `None` when it lies outside of the calendar.
    pub(super) fn later(self, micros: i128) -> Option<Moment> {
        let micros = self.micros.checked_add(micros)?;
        let there = (i128::from(FIRST) * DAY..i128::from(LAST + 1) * DAY).contains(&micros);
        there.then_some(Moment { micros, ..self })
    }

    pub(super) fn since(self, other: Moment) -> i128 {
        self.micros - other.micros
    }

    pub(super) fn ordinal(self) -> i64 {
        // Days of the calendar fit.
        self.micros.div_euclid(DAY) as i64
    }

    pub(super) fn midnight(self) -> Moment {
        Moment { micros: i128::from(self.ordinal()) * DAY, utc: false }
    }

    pub(super) fn date(self) -> (i64, i64, i64) {
        calendar::date_of(self.ordinal())
    }

    /// Hour, minute, second, microsecond.
    pub(super) fn clock(self) -> [i64; 4] {
        let micros = self.micros.rem_euclid(DAY) as i64;
        let seconds = micros / 1_000_000;
        [seconds / 3600, seconds / 60 % 60, seconds % 60, micros % 1_000_000]
    }
}
