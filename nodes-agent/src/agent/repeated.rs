//! Policies of one name in several files, of which one is in force.

use std::collections::BTreeMap;

use portcullis_engine::Session;
use portcullis_engine::policy::Identity;

/// A sentence for each policy that is in files more than once.
pub fn notes(session: &Session) -> Vec<String> {
    let mut all: BTreeMap<Identity, Vec<&str>> = BTreeMap::new();
    for repeated in session.repeated().filter(|repeated| repeated.object.is_policy()) {
        let files = all.entry(session.identity(&repeated.object)).or_default();
        if files.is_empty() {
            let first = session.origin(&repeated.first).map(|(file, _)| file);
            files.extend(first.and_then(|file| name(session, file)));
        }
        files.extend(name(session, repeated.file));
    }
    all.iter().filter_map(|(policy, files)| note(policy, files)).collect()
}

fn name(session: &Session, file: usize) -> Option<&str> {
    session.files().get(file).map(|file| &*file.name)
}

fn note((kind, namespace, name): &Identity, files: &[&str]) -> Option<String> {
    let (last, others) = files.split_last()?;
    let dash = if namespace.is_empty() { "" } else { "/" };
    let policy = format!("{kind} {namespace}{dash}{name}");
    let mut elsewhere: Vec<&str> = others.iter().copied().filter(|file| file != last).collect();
    elsewhere.dedup();
    Some(match elsewhere.is_empty() {
        true => format!("{policy} is in `{last}` more than once: the last one is in force"),
        false => format!(
            "{policy} is in `{last}` and in `{}`: that of `{last}` is in force",
            elsewhere.join("`, `")
        ),
    })
}

#[cfg(test)]
mod tests {
    use portcullis_engine::{Change, Options, SourceFile};

    use super::*;

    fn said(files: &[(&str, &str)]) -> Vec<String> {
        let policy = |name: &str| {
            format!(
                "---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n\
                 metadata: {{name: {name}, namespace: shop}}\nspec: {{podSelector: {{}}}}\n"
            )
        };
        let put = files.iter().map(|(file, names)| {
            let text: String = names.split(' ').map(policy).collect();
            Change::Put(SourceFile::new(file, text.as_bytes()))
        });
        notes(&Session::new(Options::default()).apply(put.collect()))
    }

    #[test]
    fn the_file_whose_policy_is_in_force_is_named() {
        assert!(said(&[("a.yaml", "db"), ("b.yaml", "api")]).is_empty());
        let two = said(&[("b.yaml", "db"), ("a.yaml", "db api")]);
        let expected = "NetworkPolicy shop/db is in `b.yaml` and in `a.yaml`: that of `b.yaml` is \
                        in force";
        assert_eq!(two, [expected]);
        let three = said(&[("a.yaml", "db"), ("b.yaml", "db"), ("c.yaml", "db")]);
        let expected = "NetworkPolicy shop/db is in `c.yaml` and in `a.yaml`, `b.yaml`: that of \
                        `c.yaml` is in force";
        assert_eq!(three, [expected]);
        let once = said(&[("a.yaml", "db db")]);
        let expected = "NetworkPolicy shop/db is in `a.yaml` more than once: the last one is in \
                        force";
        assert_eq!(once, [expected]);
    }
}
