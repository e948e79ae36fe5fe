//! Points in time, as typed.

use std::fmt;

const NANOSECONDS: u64 = 1_000_000_000;

/// Nanoseconds since 1970 of seconds since 1970 or of a UTC time in the manner of RFC 3339, of which the time of day,
/// the fraction and the `Z` may be left out.
pub fn parse(text: &str) -> Option<u64> {
    let (whole, fraction) = match text.strip_suffix(['Z', 'z']).unwrap_or(text).split_once('.') {
        Some((whole, fraction)) => (whole, nanoseconds(fraction)?),
        None => (text.strip_suffix(['Z', 'z']).unwrap_or(text), 0),
    };
    let seconds =
        if digits(whole) && !text.ends_with(['Z', 'z']) { whole.parse().ok()? } else { civil(whole)? };
    seconds.checked_mul(NANOSECONDS)?.checked_add(fraction)
}

fn digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn number(text: &str, length: usize) -> Option<u64> {
    if text.len() == length && digits(text) { text.parse().ok() } else { None }
}

fn nanoseconds(fraction: &str) -> Option<u64> {
    if fraction.len() > 9 || !digits(fraction) {
        return None;
    }
    format!("{fraction:0<9}").parse().ok()
}

fn civil(text: &str) -> Option<u64> {
    let (date, time) = text.split_once(['T', 't', ' ']).unwrap_or((text, "00:00:00"));
    let mut date = date.splitn(3, '-');
    let (year, month, day) = (number(date.next()?, 4)?, number(date.next()?, 2)?, number(date.next()?, 2)?);
    let mut time = time.splitn(3, ':');
    let (hour, minute, second) =
        (number(time.next()?, 2)?, number(time.next()?, 2)?, number(time.next()?, 2)?);
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    Some(days(year, month, day)? * 86_400 + hour * 3_600 + minute * 60 + second)
}

/// Days from 1970-01-01 to a date that is not before it.
fn days(year: u64, month: u64, day: u64) -> Option<u64> {
    const BEFORE_MONTH: [u64; 12] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
    const IN_MONTH: [u64; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let at = usize::try_from(month).ok()?.checked_sub(1)?;
    let length = IN_MONTH.get(at)? + u64::from(leap && month == 2);
    if year < 1970 || day == 0 || day > length {
        return None;
    }
    let leap_days = |year: u64| year / 4 - year / 100 + year / 400;
    let years = (year - 1970) * 365 + leap_days(year - 1) - leap_days(1969);
    Some(years + BEFORE_MONTH.get(at)? + u64::from(leap && month > 2) + day - 1)
}

/// Seconds since 1970, shown as a UTC time in the manner of RFC 3339.
pub struct Date(pub u64);

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Days of years that begin in March and eras of 400 years: howardhinnant.github.io/date_algorithms.html.
        let days = self.0 / 86_400 + 719_468;
        let (era, day) = (days / 146_097, days % 146_097);
        let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
        let day = day - (365 * year + year / 4 - year / 100);
        let month = (5 * day + 2) / 153;
        let (day, month) = (day - (153 * month + 2) / 5 + 1, if month < 10 { month + 3 } else { month - 9 });
        let year = year + era * 400 + u64::from(month <= 2);
        let time = self.0 % 86_400;
        let (hour, minute, second) = (time / 3_600, time / 60 % 60, time % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
    }
}

#[cfg(test)]
mod tests {
    use super::{Date, parse};

    #[test]
    fn dates_are_shown_as_they_are_typed() {
        for text in [
            "1970-01-01T00:00:00Z",
            "2000-01-01T00:00:00Z",
            "2000-02-29T23:59:59Z",
            "2024-12-31T12:34:56Z",
            "2100-03-01T00:00:01Z",
        ] {
            let seconds = parse(text).map(|nanoseconds| nanoseconds / 1_000_000_000);
            assert_eq!(Date(seconds.unwrap()).to_string(), text);
        }
    }

    #[test]
    fn times() {
        for (text, seconds) in [
            ("0", 0),
            ("946684800", 946_684_800),
            ("1970-01-01", 0),
            ("1970-01-01T00:00:00Z", 0),
            ("2000-01-01T00:00:00Z", 946_684_800),
            ("2000-03-01T00:00:00Z", 951_868_800),
            ("2024-02-29 23:59:59", 1_709_251_199),
            ("2026-11-21t08:04:47z", 1_795_248_287),
            ("2100-03-01", 4_107_542_400),
        ] {
            assert_eq!(parse(text), Some(seconds * 1_000_000_000), "{text}");
        }
        assert_eq!(parse("1.5"), Some(1_500_000_000));
        assert_eq!(parse("1970-01-01T00:00:01.000000001Z"), Some(1_000_000_001));
    }

    #[test]
    fn not_times() {
        for text in [
            "",
            "now",
            "-1",
            "5Z",
            "1.",
            ".5",
            "1969-12-31",
            "2023-02-29",
            "2023-13-01",
            "2023-00-01",
            "2023-01-00",
            "2023-1-1",
            "2023-01-01T24:00:00Z",
            "2023-01-01T00:00",
            "2023-01-01T00:00:00+01:00",
            "9999-01-01",
            "99999999999999999999",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
