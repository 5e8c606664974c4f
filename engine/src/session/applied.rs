//! A state as if more were applied to it.

use std::sync::Arc;

use rustc_hash::FxHashSet;

use super::gather::identity;
use super::{Change, Identity, Session};
use crate::manifest::{Object, SourceFile};

impl Session {
    /// The session as if what some files hold were applied to its cluster: objects that it has under
    /// the same names are replaced.
    ///
    /// # Cost
    /// As [`Session::apply`], and a look at each object's name.
    #[must_use]
    pub fn applied(&self, files: Vec<SourceFile>) -> Self {
        let default = &*self.options.default_namespace;
        let parts = files.iter().flat_map(|file| &file.parts);
        let objects = parts.flat_map(|part| &part.document.objects);
        let new: FxHashSet<Identity> = objects.map(|object| identity(object, default)).collect();
        let is_kept = |object: &Arc<Object>| !new.contains(&identity(object, default));
        let without = |file: &Arc<SourceFile>| {
            let mut objects = file.parts.iter().flat_map(|part| &part.document.objects);
            objects.any(|object| !is_kept(object)).then(|| {
                let mut file = SourceFile::clone(file);
                for part in &mut file.parts {
                    Arc::make_mut(&mut part.document).objects.retain(is_kept);
                }
                Change::Put(file)
            })
        };
        let mut changes: Vec<Change> = self.files.iter().filter_map(without).collect();
        changes.extend(files.into_iter().map(Change::Put));
        self.apply(changes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::Protocol;
    use crate::{FlowQuery, Options};

    const POLICY: &str = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n\
        metadata: {name: db, namespace: shop}\nspec: {podSelector: {}}\n";
    const PODS: &str = "apiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: shop}\n---\n\
        apiVersion: v1\nkind: Pod\nmetadata: {name: b, namespace: shop}\n---\n\
        apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n";

    fn verdict(session: &Session) -> String {
        let [from, to] = ["shop/a", "shop/b"].map(str::to_owned);
        let query = FlowQuery { from, to, protocol: Protocol::Tcp, port: 80.into() };
        format!("{:?}", session.evaluate(&query).unwrap().verdict)
    }

    #[test]
    fn what_is_applied_replaces_what_has_its_name() {
        let files = [("z/policy", POLICY), ("z/pods", PODS)];
        let put = |(name, text): (&str, &str)| Change::Put(SourceFile::new(name, text.as_bytes()));
        let session = Session::new(Options::default()).apply(files.map(put).to_vec());
        assert_eq!(verdict(&session), "Deny");
        // Also where its file comes before the other by name.
        let open = POLICY.replace("{podSelector: {}}", "{podSelector: {}, ingress: [{}]}");
        let applied = session.applied(vec![SourceFile::new("a", open.as_bytes())]);
        assert_eq!(verdict(&applied), "Allow");
        assert_eq!(applied.summary().policies, 1);
        assert!(applied.check().diagnostics.iter().all(|finding| finding.code != "L21"));
        let other = POLICY.replace("name: db", "name: other");
        let applied = session.applied(vec![SourceFile::new("a", other.as_bytes())]);
        assert_eq!(applied.summary().policies, 2);
        assert_eq!(verdict(&session), "Deny", "it is a value");
    }
}
