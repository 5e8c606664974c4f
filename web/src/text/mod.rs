//! Every word that the page shows, in each language. What the engine says is English everywhere.

mod words;

use serde::{Deserialize, Serialize};
#[cfg(test)]
use words::ALL;
use words::{CHINESE, ENGLISH};
pub use words::{EDITOR_PHRASES, Text};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Language {
    English,
    Chinese,
}

impl Language {
    /// For `lang` attributes, and for storage.
    pub fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Chinese => "zh-CN",
        }
    }

    pub fn of_tag(tag: &str) -> Option<Self> {
        match tag.get(..2)?.to_ascii_lowercase().as_str() {
            "en" => Some(Self::English),
            "zh" => Some(Self::Chinese),
            _ => None,
        }
    }

    pub fn other(self) -> Self {
        match self {
            Self::English => Self::Chinese,
            Self::Chinese => Self::English,
        }
    }

    /// Its place in what is there once for each language.
    pub fn of<T>(self, [english, chinese]: &[T; 2]) -> &T {
        match self {
            Self::English => english,
            Self::Chinese => chinese,
        }
    }

    pub fn text(self) -> &'static Text {
        match self {
            Self::English => &ENGLISH,
            Self::Chinese => &CHINESE,
        }
    }
}

/// The pattern with its places filled in.
pub fn fill(pattern: &str, values: &[(&str, &str)]) -> String {
    let mut text = pattern.to_owned();
    for (name, value) in values {
        text = text.replace(&format!("{{{name}}}"), value);
    }
    text
}

/// The pattern for a number, which fills `{n}`.
pub fn count(pattern: &str, n: u32) -> String {
    let form = match pattern.split_once('|') {
        Some((one, _)) if n == 1 => one,
        Some((_, many)) => many,
        None => pattern,
    };
    fill(form, &[("n", &grouped(n))])
}

/// With a thin mark between thousands.
pub fn grouped(n: impl Into<u64>) -> String {
    let n: u64 = n.into();
    let digits = n.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(pattern: &str) -> Vec<&str> {
        let mut places: Vec<_> =
            pattern.split('{').skip(1).filter_map(|part| part.split('}').next()).collect();
        places.sort_unstable();
        places.dedup();
        places
    }

    #[test]
    fn both_languages_say_everything_with_the_same_places() {
        for (key, english, chinese) in ALL {
            assert!(!english.is_empty() && !chinese.is_empty(), "{key}");
            assert_eq!(places(english), places(chinese), "{key}");
        }
    }

    #[test]
    fn numbers_choose_their_form() {
        assert_eq!(count("{n} pod|{n} pods", 1), "1 pod");
        assert_eq!(count("{n} pod|{n} pods", 0), "0 pods");
        assert_eq!(count("{n} 个 Pod", 1234567), "1,234,567 个 Pod");
    }
}
