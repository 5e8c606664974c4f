//! What a plain YAML scalar means to the API server, which reads YAML 1.1.

use std::borrow::Cow;

use super::node::Value;

/// The value of a scalar without quotes and without a tag.
///
/// # Source
/// NetworkPolicy §16: `010` is 8, `yes` a boolean, `1:20` a string.
pub fn resolve_plain(text: Cow<'_, str>) -> Value<'_> {
    match text.as_bytes().first() {
        None => Value::Null,
        Some(b'0'..=b'9' | b'+' | b'-' | b'.') => match number(&text) {
            Some(number) => Value::Number(number),
            None => Value::Str(text),
        },
        // The letters that some word of the table begins with.
        Some(b'~' | b'n' | b'N' | b'y' | b'Y' | b't' | b'T' | b'f' | b'F' | b'o' | b'O') => {
            word(&text).unwrap_or(Value::Str(text))
        }
        Some(_) => Value::Str(text),
    }
}

/// The booleans and nulls of YAML 1.1, in the spellings that it allows.
fn word(text: &str) -> Option<Value<'static>> {
    match text {
        "~" | "null" | "Null" | "NULL" => Some(Value::Null),
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            Some(Value::Bool(true))
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            Some(Value::Bool(false))
        }
        _ => None,
    }
}

/// The number that a text is, if it is one: Go's integer literals, or a decimal fraction.
pub fn number(text: &str) -> Option<f64> {
    let special = match text {
        ".nan" | ".NaN" | ".NAN" => Some(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => Some(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => Some(f64::NEG_INFINITY),
        _ => None,
    };
    special.or_else(|| integer(&text.replace('_', ""))).or_else(|| fraction(&text.replace('_', "")))
}

/// As `strconv.ParseInt(text, 0, 64)`: a sign, then `0x`, `0o`, `0b`, a leading zero for octal,
/// or decimal digits.
fn integer(text: &str) -> Option<f64> {
    let (sign, digits) = match text.as_bytes().first()? {
        b'-' => (-1.0, text.get(1..)?),
        b'+' => (1.0, text.get(1..)?),
        _ => (1.0, text),
    };
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
    // Beyond 64 bits Go tries a fraction next; so do we.
    let value = u64::from_str_radix(digits, radix).ok()?;
    #[expect(clippy::cast_precision_loss, reason = "no field takes integers beyond 2^53")]
    let value = value as f64;
    Some(sign * value)
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
            assert_eq!(resolve_plain(text.into()), Value::Number(value), "{text}");
        }
    }

    #[test]
    fn words_are_booleans_and_nulls() {
        for text in ["yes", "on", "y", "true", "Yes", "ON"] {
            assert_eq!(resolve_plain(text.into()), Value::Bool(true), "{text}");
        }
        for text in ["", "~", "null"] {
            assert_eq!(resolve_plain(text.into()), Value::Null, "{text}");
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
            assert_eq!(resolve_plain(text.into()), Value::Str(text.into()), "{text}");
        }
    }
}
