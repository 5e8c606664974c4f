//! What a plain YAML scalar means to the API server, which reads YAML 1.1.

use std::borrow::Cow;

/// A single value of YAML.
#[derive(Clone, Debug, PartialEq)]
pub enum Scalar<'t> {
    /// `null`, `~` or nothing at all.
    Null,
    /// A boolean.
    Bool(bool),
    /// A number without a fraction, of 64 bits with or without a sign.
    Int(i128),
    /// Any other number.
    Float(f64),
    /// A string.
    Str(Cow<'t, str>),
}

/// The value of a scalar without quotes and without a tag.
///
/// # Source
/// NetworkPolicy §16: `010` is 8, `yes` a boolean, `1:20` a string.
pub fn resolve_plain(text: Cow<'_, str>) -> Scalar<'_> {
    match text.as_bytes().first() {
        None => Scalar::Null,
        Some(b'0'..=b'9' | b'+' | b'-' | b'.') => number(&text).unwrap_or(Scalar::Str(text)),
        // The letters that some word of the table begins with.
        Some(b'~' | b'n' | b'N' | b'y' | b'Y' | b't' | b'T' | b'f' | b'F' | b'o' | b'O') => {
            word(&text).unwrap_or(Scalar::Str(text))
        }
        Some(_) => Scalar::Str(text),
    }
}

/// The value of a scalar of which a tag says what it is; none if it is something else.
pub fn resolve_tagged<'t>(text: Cow<'t, str>, tag: &str) -> Option<Scalar<'t>> {
    match (tag, resolve_plain(text)) {
        ("float", Scalar::Int(number)) => {
            let number = i64::try_from(number).ok()?;
            #[expect(clippy::cast_precision_loss, reason = "as Go does it")]
            Some(Scalar::Float(number as f64))
        }
        ("timestamp", Scalar::Str(text)) => is_timestamp(&text).then_some(Scalar::Str(text)),
        ("bool", value @ Scalar::Bool(_))
        | ("int", value @ Scalar::Int(_))
        | ("float", value @ Scalar::Float(_))
        | ("null", value @ Scalar::Null) => Some(value),
        _ => None,
    }
}

/// Whether a word without quotes is a boolean to YAML 1.1 alone.
pub fn is_old_boolean(text: &str) -> bool {
    matches!(word(text), Some(Scalar::Bool(_))) && !matches!(text, "true" | "false")
}

/// The booleans and nulls of YAML 1.1, in the spellings that it allows.
fn word(text: &str) -> Option<Scalar<'static>> {
    match text {
        "~" | "null" | "Null" | "NULL" => Some(Scalar::Null),
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            Some(Scalar::Bool(true))
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            Some(Scalar::Bool(false))
        }
        _ => None,
    }
}

/// The number that a text is, if it is one: Go's integer literals, or a decimal fraction.
fn number(text: &str) -> Option<Scalar<'static>> {
    match text {
        ".nan" | ".NaN" | ".NAN" => return Some(Scalar::Float(f64::NAN)),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => {
            return Some(Scalar::Float(f64::INFINITY));
        }
        "-.inf" | "-.Inf" | "-.INF" => return Some(Scalar::Float(f64::NEG_INFINITY)),
        _ => {}
    }
    let digits = match text.contains('_') && (!text.starts_with('.') || divides_digits(text)) {
        true => Cow::Owned(text.replace('_', "")),
        false => text.into(),
    };
    let int = integer(&digits).map(Scalar::Int);
    let int = int.or_else(|| fraction(&digits).map(Scalar::Float));
    int.or_else(|| signed_binary(&digits).map(Scalar::Int))
}

/// Whether each `_` stands between two digits, as it must in a number that begins with a point.
fn divides_digits(text: &str) -> bool {
    let digit = |at: usize| text.as_bytes().get(at).is_some_and(u8::is_ascii_digit);
    text.match_indices('_').all(|(at, _)| digit(at + 1) && at.checked_sub(1).is_some_and(digit))
}

/// As `strconv.ParseInt(text, 0, 64)`, or `ParseUint`: a sign, then `0x`, `0o`, `0b`, a leading
/// zero for octal, or decimal digits.
fn integer(text: &str) -> Option<i128> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let lower = digits.to_ascii_lowercase();
    let (radix, digits) = match lower.get(..2) {
        Some("0x") => (16, lower.get(2..)?),
        Some("0o") => (8, lower.get(2..)?),
        Some("0b") => (2, lower.get(2..)?),
        Some(two) if two.starts_with('0') => (8, lower.get(1..)?),
        _ => (10, lower.as_str()),
    };
    if !digits.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return None;
    }
    let value = i128::from_str_radix(digits, radix).ok()?;
    let (value, most) = match text.as_bytes().first()? {
        b'-' => (-value, i128::from(i64::MAX)),
        b'+' => (value, i128::from(i64::MAX)),
        _ => (value, i128::from(u64::MAX)),
    };
    // Beyond 64 bits Go tries a fraction next; so do we.
    (i128::from(i64::MIN)..=most).contains(&value).then_some(value)
}

/// `0b` with a sign behind it, which `go-yaml` takes too.
fn signed_binary(text: &str) -> Option<i128> {
    let (sign, digits) = match text.strip_prefix("0b")?.split_at_checked(1)? {
        ("-", digits) => (-1, digits),
        ("+", digits) => (1, digits),
        _ => return None,
    };
    let is_binary = digits.bytes().all(|digit| matches!(digit, b'0' | b'1'));
    let value = i64::from_str_radix(digits, 2).ok().filter(|_| is_binary);
    value.map(|value| i128::from(value) * sign)
}

/// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`
fn fraction(text: &str) -> Option<f64> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let well_formed = unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && unsigned.contains(|c: char| c.is_ascii_digit())
        && unsigned.bytes().all(|b| matches!(b, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-'));
    if !well_formed {
        return None;
    }
    // Too large for a float is no number to Go, and so a string.
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

/// A date, or a date and a time, as `go-yaml` knows them.
fn is_timestamp(text: &str) -> bool {
    let (date, time) = match text.find(['T', 't', ' ']) {
        Some(at) => (text.get(..at).unwrap_or_default(), text.get(at..)),
        None => (text, None),
    };
    let parts: Vec<Option<u32>> = date.split('-').map(|part| part.parse().ok()).collect();
    let [Some(year), Some(month @ 1..=12), Some(day @ 1..)] = *parts else { return false };
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 => 28 + u32::from(is_leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    let short = date.split('-').zip([4, 2, 2]).all(|(part, most)| part.len() <= most);
    day <= days && short && date.find('-') == Some(4) && time.is_none_or(is_time)
}

/// A time of day, after `T` with a zone, after a space without one.
fn is_time(text: &str) -> bool {
    let (sign, rest) = text.split_at_checked(1).unwrap_or_default();
    let clock = match (sign, rest.rfind(['Z', '+', '-'])) {
        (" ", None) => Some(rest),
        ("T" | "t", Some(at)) => {
            let (clock, zone) = rest.split_at_checked(at).unwrap_or_default();
            (zone == "Z" || is_clock(zone.get(1..).unwrap_or_default(), &[24, 60])).then_some(clock)
        }
        _ => None,
    };
    let Some(clock) = clock else { return false };
    let (whole, part) = clock.split_once(['.', ',']).unwrap_or((clock, "0"));
    let digits = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    digits && is_clock(whole, &[23, 59, 59])
}

fn is_clock(text: &str, most: &[u8]) -> bool {
    let parts: Vec<&str> = text.split(':').collect();
    let fits = |(part, most): (&&str, &u8)| {
        let digits = part.bytes().all(|byte| byte.is_ascii_digit());
        digits && part.len() <= 2 && part.parse::<u8>().is_ok_and(|part| part <= *most)
    };
    parts.len() == most.len() && parts.iter().zip(most).all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_yaml_1_1() {
        for (text, value) in [
            ("010", 8.0),
            ("0o10", 8.0),
            ("0x50", 80.0),
            ("0b11", 3.0),
            ("8_0", 80.0),
            ("80.0", 80.0),
            ("8e1", 80.0),
            ("+80", 80.0),
            ("-1", -1.0),
            ("0", 0.0),
            ("1.", 1.0),
            (".5", 0.5),
            ("-0b11", -3.0),
            ("08", 8.0),
            ("1e3", 1000.0),
            ("0x1f", 31.0),
        ] {
            #[expect(clippy::cast_precision_loss, reason = "small numbers")]
            let number = match resolve_plain(text.into()) {
                Scalar::Int(number) => number as f64,
                Scalar::Float(number) => number,
                other => panic!("{text}: {other:?}"),
            };
            assert_eq!(number, value, "{text}");
        }
    }

    #[test]
    fn words_are_booleans_and_nulls() {
        for text in ["yes", "on", "y", "true", "Yes", "ON"] {
            assert_eq!(resolve_plain(text.into()), Scalar::Bool(true), "{text}");
        }
        for text in ["", "~", "null"] {
            assert_eq!(resolve_plain(text.into()), Scalar::Null, "{text}");
        }
    }

    #[test]
    fn the_rest_are_strings() {
        for text in [
            "1:20",
            "1.2.3",
            "2020-01-01",
            "yEs",
            "10.0.0.0/8",
            "-",
            "+",
            ".",
            "0x",
            "1e",
            "e1",
            "tcp",
            "nope",
            "--1",
            "0b2",
            "1-2",
            "0xg",
            "1e400",
        ] {
            assert_eq!(resolve_plain(text.into()), Scalar::Str(text.into()), "{text}");
        }
    }
}
