//! The known word that somebody may have meant.

/// The one of `known` that is nearest to `word`, if one is near enough to suggest.
///
/// # Shape
/// A word that differs only in case wins; then the smallest edit distance, which may be a third
/// of the word's length at most; ties go to the first.
pub fn nearest<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    within(word, known, (word.chars().count() / 3).max(1))
}

/// The one of `known` that is nearest to `word`, if it differs by case or by two letters at most,
/// and by one where the word is short.
pub fn nearly_same<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    within(word, known, (word.chars().count() / 3).clamp(1, 2))
}

fn within<'k>(
    word: &str,
    known: impl IntoIterator<Item = &'k str>,
    limit: usize,
) -> Option<&'k str> {
    // Longer words are not typing slips, and the comparison is quadratic.
    const LONGEST: usize = 64;
    if word.len() > LONGEST {
        return None;
    }
    let length = word.chars().count();
    let mut best: Option<(usize, &str)> = None;
    for candidate in known.into_iter().filter(|one| one.chars().count().abs_diff(length) <= limit) {
        let distance = match candidate.eq_ignore_ascii_case(word) {
            true => 0,
            false => distance(word, candidate),
        };
        if distance <= limit && best.is_none_or(|(least, _)| distance < least) {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// Whether a word differs from a known one, by case or by one letter.
pub fn is_slip(word: &str, known: &str) -> bool {
    word != known && word.len() <= known.len() + 4 && distance(word, known) <= 1
}

/// How many insertions, deletions, replacements and swaps of neighbours part two words
/// (optimal string alignment), case ignored.
fn distance(a: &str, b: &str) -> usize {
    let a: Vec<char> = a.chars().map(|c| c.to_ascii_lowercase()).collect();
    let b: Vec<char> = b.chars().map(|c| c.to_ascii_lowercase()).collect();
    let mut before: Vec<usize> = Vec::new();
    let mut previous: Vec<usize> = (0..=b.len()).collect();
    for (i, &x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, &y) in b.iter().enumerate() {
            let at = |row: &[usize], j: usize| row.get(j).copied().unwrap_or(usize::MAX - 1);
            let mut least = (at(&previous, j) + usize::from(x != y))
                .min(at(&previous, j + 1) + 1)
                .min(at(&row, j) + 1);
            let swapped = i > 0 && j > 0 && a.get(i - 1) == Some(&y) && b.get(j - 1) == Some(&x);
            if swapped {
                least = least.min(at(&before, j - 1) + 1);
            }
            row.push(least);
        }
        before = std::mem::replace(&mut previous, row);
    }
    previous.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_find_their_word() {
        let known = ["podSelector", "namespaceSelector", "ipBlock"];
        assert_eq!(nearest("podselector", known), Some("podSelector"));
        assert_eq!(nearest("podSelectro", known), Some("podSelector"));
        assert_eq!(nearest("ipBlok", known), Some("ipBlock"));
        assert_eq!(nearest("app", known), None);
        assert_eq!(nearest("", known), None);
    }

    #[test]
    fn labels_are_nearly_the_same_by_two_letters_at_most() {
        assert_eq!(nearly_same("frontned", ["frontend", "db"]), Some("frontend"));
        assert_eq!(nearly_same("argocd-server", ["argocd-dex-server"]), None);
        assert_eq!(nearly_same("api", ["app"]), Some("app"));
        assert_eq!(nearly_same("web", ["db"]), None);
    }

    #[test]
    fn a_slip_is_one_letter_or_case() {
        for word in ["Networkpolicy", "NetworkPolicies", "NetworkPolcy", "NetworkPloicy"] {
            assert_eq!(is_slip(word, "NetworkPolicy"), word != "NetworkPolicies", "{word}");
        }
        assert!(!is_slip("NetworkPolicy", "NetworkPolicy"));
    }
}
