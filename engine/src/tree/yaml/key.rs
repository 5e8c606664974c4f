//! Values as they are read, which become values of JSON, or keys.

use std::borrow::Cow;

use super::super::Fault;
use super::super::node::Value;
use super::super::scalar::Scalar;
use super::fault::at;
use crate::source::Span;

/// Something that was read, before it is known where it belongs.
#[derive(Clone, Debug)]
pub enum Content<'t> {
    /// A single value.
    Scalar(Scalar<'t>),
    /// `<<`, which as a key merges.
    Merge,
    /// A list or a mapping.
    Collection(Value<'t>),
}

impl<'t> Content<'t> {
    /// What it is as a value.
    ///
    /// # Errors
    /// For a number that JSON does not have.
    pub fn into_value(self, span: Span) -> Result<Value<'t>, Fault> {
        match self {
            Self::Collection(value) => Ok(value),
            Self::Merge => Ok(Value::Str("<<".into())),
            Self::Scalar(Scalar::Null) => Ok(Value::Null),
            Self::Scalar(Scalar::Bool(value)) => Ok(Value::Bool(value)),
            #[expect(clippy::cast_precision_loss, reason = "no field takes integers beyond 2^53")]
            Self::Scalar(Scalar::Int(number)) => Ok(Value::Number(number as f64)),
            Self::Scalar(Scalar::Float(number)) if number.is_finite() => Ok(Value::Number(number)),
            Self::Scalar(Scalar::Float(_)) => {
                at("JSON has no infinity and no NaN", span.start as usize)
            }
            Self::Scalar(Scalar::Str(text)) => Ok(Value::Str(text)),
        }
    }

    /// What it is as a key: `1:` is `"1"`, `yes:` is `"true"`.
    ///
    /// # Errors
    /// For what no key can be.
    pub fn into_key(self, span: Span) -> Result<Cow<'t, str>, Fault> {
        let what = match self {
            Self::Merge => return Ok("<<".into()),
            Self::Scalar(Scalar::Str(text)) => return Ok(text),
            Self::Scalar(Scalar::Bool(value)) => {
                return Ok(if value { "true" } else { "false" }.into());
            }
            Self::Scalar(Scalar::Int(number)) if i64::try_from(number).is_ok() => {
                return Ok(number.to_string().into());
            }
            Self::Scalar(Scalar::Float(number)) => return Ok(float(number).into()),
            Self::Scalar(Scalar::Int(_)) => "a number beyond 64 bits",
            Self::Scalar(Scalar::Null) => "nothing",
            Self::Collection(value) => value.describe(),
        };
        at(format!("a key must be a string, not {what}"), span.start as usize)
    }
}

/// A fraction as the key that Go makes of it: of single precision, and with an exponent from a
/// million on.
fn float(number: f64) -> String {
    #[expect(clippy::cast_possible_truncation, reason = "as Go does it")]
    let number = number as f32;
    if !number.is_finite() {
        let sign = if number.is_sign_negative() { "-" } else { "" };
        return if number.is_nan() { ".nan".into() } else { format!("{sign}.inf") };
    }
    let scientific = format!("{number:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    match exponent.parse::<i32>().unwrap_or(0) {
        -4..=5 => number.to_string(),
        exponent => {
            let sign = if exponent < 0 { '-' } else { '+' };
            format!("{digits}e{sign}{:02}", exponent.abs())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::float;

    #[test]
    fn fractions_as_keys_are_written_as_go_writes_them() {
        for (number, key) in [
            (1.5, "1.5"),
            (1.0, "1"),
            (-0.0, "-0"),
            (100_000.0, "100000"),
            (1_000_000.0, "1e+06"),
            (1.5e10, "1.5e+10"),
            (0.0001, "0.0001"),
            (0.000_01, "1e-05"),
            (std::f64::consts::PI, "3.1415927"),
            (1e39, ".inf"),
            (-1e39, "-.inf"),
            (f64::NAN, ".nan"),
        ] {
            assert_eq!(float(number), key);
        }
    }
}
