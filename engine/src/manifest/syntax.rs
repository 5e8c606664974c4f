//! The API server's rules for names, label keys, label values and port names.

/// Whether a text is an RFC 1123 subdomain: what most objects' names must be.
pub fn is_subdomain(text: &str) -> bool {
    text.len() <= 253 && text.split('.').all(|part| is_dns_label_of(part, 253))
}

/// Whether a text is an RFC 1123 label: what a namespace's name must be.
pub fn is_dns_label(text: &str) -> bool {
    is_dns_label_of(text, 63)
}

fn is_dns_label_of(text: &str, longest: usize) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !text.is_empty()
        && text.len() <= longest
        && text.bytes().all(inner)
        && !text.starts_with('-')
        && !text.ends_with('-')
}

/// Why a label key is not allowed, if it is not.
pub fn label_key_fault(key: &str) -> Option<&'static str> {
    let (prefix, name) = match key.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, key),
    };
    if prefix.is_some_and(|prefix| !is_subdomain(prefix)) {
        return Some("the part before `/` must be a lowercase DNS name");
    }
    if name.is_empty() {
        return Some("the name is missing");
    }
    if name.len() > 63 {
        return Some("the name must have at most 63 characters");
    }
    (!is_qualified(name)).then_some(
        "the name must consist of letters, digits, `-`, `_` and `.`, and begin and end with a letter or digit",
    )
}

/// Why a label value is not allowed, if it is not.
pub fn label_value_fault(value: &str) -> Option<&'static str> {
    if value.len() > 63 {
        return Some("must have at most 63 characters");
    }
    (!value.is_empty() && !is_qualified(value)).then_some(
        "must consist of letters, digits, `-`, `_` and `.`, and begin and end with a letter or digit",
    )
}

fn is_qualified(text: &str) -> bool {
    let edge = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric());
    text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
        && edge(text.bytes().next())
        && edge(text.bytes().last())
}

/// Everything that is wrong with a port's name.
pub fn port_name_faults(name: &str) -> Vec<&'static str> {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    let mut faults = Vec::new();
    if name.len() > 15 {
        faults.push("must have at most 15 characters");
    }
    if !name.bytes().all(allowed) {
        faults.push("must consist of lowercase letters, digits and `-`");
    }
    if !name.bytes().any(|b| b.is_ascii_lowercase()) {
        faults.push("must contain a letter");
    }
    if name.contains("--") {
        faults.push("must not contain `--`");
    }
    if name.starts_with('-') || name.ends_with('-') {
        faults.push("must not begin or end with `-`");
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        assert!(is_subdomain("a.b-c.9") && !is_subdomain("A") && !is_subdomain("a..b"));
        assert!(!is_subdomain("") && !is_subdomain(&"a".repeat(254)));
        assert!(is_dns_label("a-1") && !is_dns_label("a.b") && !is_dns_label(&"a".repeat(64)));
    }

    #[test]
    fn labels() {
        for key in ["app", "a.b/c_D", "x.io/A-1"] {
            assert_eq!(label_key_fault(key), None, "{key}");
        }
        for key in ["", "a/", "/a", "a/b/c", "-a", "a b", "A.io/a", "x.io/", &"k".repeat(64)] {
            assert!(label_key_fault(key).is_some(), "{key}");
        }
        assert_eq!(label_value_fault(""), None);
        assert!(label_value_fault("a b").is_some() && label_value_fault("_a").is_some());
    }

    #[test]
    fn port_names() {
        assert!(port_name_faults("http-1").is_empty());
        for name in ["80", "a--b", "-a", "a-", "HTTP", "abcdefghijklmnop", ""] {
            assert!(!port_name_faults(name).is_empty(), "{name}");
        }
    }
}
