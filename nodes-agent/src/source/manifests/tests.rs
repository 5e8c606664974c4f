//! A directory of manifests, as it changes.

use std::fs;

use super::*;

fn names(changes: &[Change]) -> Vec<String> {
    let name = |change: &Change| match change {
        Change::Put(file) => format!("+{}", file.name),
        Change::Remove(name) => format!("-{name}"),
    };
    changes.iter().map(name).collect()
}

/// A directory that is removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let name = format!("portcullis-agent-{}-{name}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        fs::create_dir_all(folder.join("inner")).unwrap();
        Self(folder)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.0.join(name), text).unwrap();
    }

    fn manifests(&self) -> Manifests {
        let status = Arc::new(Status::default());
        status.ready();
        Manifests::new(&self.0, AtStart::Wait, status)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn next(manifests: &mut Manifests) -> Option<Vec<String>> {
    manifests.changes().unwrap().map(|changes| names(&changes))
}

const NAMESPACE: &str = "{apiVersion: v1, kind: Namespace, metadata: {name: shop}}";
const POLICY: &str = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n\
    metadata: {name: db, namespace: shop}\nspec:\n  podSelector: {matchLabels: {app: db}}\n  \
    ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/24}}]}]\n";

#[test]
fn only_what_changed_is_read_again() {
    let folder = Folder::new("changes");
    for name in ["a.yaml", "inner/b.json", "c.txt", ".hidden.yaml"] {
        folder.write(name, "{}");
    }
    let mut manifests = folder.manifests();
    assert_eq!(next(&mut manifests).unwrap(), ["+a.yaml", "+inner/b.json"]);
    assert_eq!(next(&mut manifests), None);
    folder.write("a.yaml", NAMESPACE);
    fs::remove_file(folder.0.join("inner/b.json")).unwrap();
    assert_eq!(next(&mut manifests).unwrap(), ["-inner/b.json", "+a.yaml"]);
    for wrong in ["{apiVersion: v1, kind: Namespace, metadata: {name: }}", "no manifest"] {
        folder.write("a.yaml", wrong);
        assert_eq!(next(&mut manifests), None, "{wrong} does not replace what was right");
    }
    assert_eq!(manifests.status.obstacle(), None);
    drop(folder);
    assert!(manifests.changes().is_err());
}

#[test]
fn at_the_start_nothing_is_said_until_all_can_be_read() {
    let folder = Folder::new("start");
    folder.write("a.yaml", NAMESPACE);
    for wrong in ["a: b: c", "POLICY", "kind: NetworkPolicy", &POLICY.replace("/v1", "/v1\n-")] {
        folder.write("b.yaml", &format!("---\n# a comment\n{wrong}\n"));
        let mut manifests = folder.manifests();
        assert_eq!(next(&mut manifests), None, "{wrong}");
        let why = manifests.status.obstacle().unwrap();
        assert!(why.contains("what was in force stays in force: b.yaml: line "), "{why}");
        assert_eq!(next(&mut manifests), None, "{wrong}");
        folder.write("b.yaml", POLICY);
        assert_eq!(next(&mut manifests).unwrap(), ["+a.yaml", "+b.yaml"]);
        assert_eq!(manifests.status.obstacle(), None);
    }
    folder.write("b.yaml", "a: b: c");
    let mut manifests = folder.manifests();
    assert_eq!(next(&mut manifests), None);
    for name in ["a.yaml", "b.yaml"] {
        fs::remove_file(folder.0.join(name)).unwrap();
    }
    assert_eq!(next(&mut manifests).unwrap(), [""; 0], "an empty directory is a state, too");
    folder.write("c.yaml", "a: b: c");
    assert_eq!(next(&mut manifests).unwrap(), ["+c.yaml"]);
    assert!(manifests.status.obstacle().unwrap().contains("is not in force: c.yaml: line 1"));
    folder.write("c.yaml", NAMESPACE);
    assert_eq!(next(&mut manifests).unwrap(), ["+c.yaml"]);
    assert_eq!(manifests.status.obstacle(), None);
}

#[test]
fn a_policy_that_is_wrong_at_the_start_is_closed() {
    use portcullis_engine::manifest::Body;
    let folder = Folder::new("closed");
    for (from, to) in [
        ("0/24", "0/33"),
        ("ingress:", "policyType: [Egress]\n  ingress:"),
        ("io/v1", "io/v2"),
        ("name: db", "name: Db"),
    ] {
        folder.write("a.yaml", &POLICY.replace(from, to));
        let mut manifests = folder.manifests();
        let changes = manifests.changes().unwrap().unwrap();
        let [Change::Put(file)] = &*changes else { panic!("{changes:?}") };
        let [object] = &*file.parts[0].document.objects else { panic!("{to}: {file:?}") };
        let Body::Policy(policy) = &object.body else { panic!("{object:?}") };
        assert!(policy.ingress.is_empty() && policy.isolates_ingress, "{to}");
        assert_eq!(policy.subject.requirements().len(), 1, "{to}");
        assert_eq!(manifests.status.obstacle(), None);
        folder.write("a.yaml", POLICY);
        assert_eq!(next(&mut manifests).unwrap(), ["+a.yaml"]);
    }
}

/// Whoever writes to the directory may be in the midst of it, or mean ill.
#[test]
fn what_is_no_file_or_not_written_yet_changes_nothing() {
    let folder = Folder::new("odd");
    folder.write("a.yaml", POLICY);
    folder.write("b.yaml", NAMESPACE);
    let mut manifests = folder.manifests();
    assert_eq!(next(&mut manifests).unwrap(), ["+a.yaml", "+b.yaml"]);
    // However often it is looked.
    let says = |manifests: &mut Manifests, why: &str| {
        for _ in 0..3 {
            assert_eq!(next(manifests), None, "{why}");
            let obstacle = manifests.status.obstacle().unwrap();
            assert!(obstacle.contains(why), "{obstacle}");
        }
    };
    folder.write("a.yaml", "");
    says(&mut manifests, "stays in force: a.yaml: it is empty, as if it was just being written");
    folder.write("a.yaml", &POLICY.replace("0/24", "0/25"));
    assert_eq!(next(&mut manifests).unwrap(), ["+a.yaml"]);
    assert_eq!(manifests.status.obstacle(), None);

    let path = folder.0.join("a.yaml");
    fs::remove_file(&path).unwrap();
    std::os::unix::fs::symlink("nowhere", &path).unwrap();
    says(&mut manifests, "a.yaml: No such file");
    fs::remove_file(&path).unwrap();
    rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, 0o600.into(), 0)
        .unwrap();
    says(&mut manifests, "a.yaml: it is not a regular file");
    fs::remove_file(&path).unwrap();
    assert_eq!(next(&mut manifests).unwrap(), ["-a.yaml"]);
    for name in ["c", "d"] {
        std::os::unix::fs::symlink(".", folder.0.join(name)).unwrap();
    }
    assert_eq!(next(&mut manifests), None);
    assert_eq!(manifests.folders.len(), 2, "a directory is entered once");
    fs::File::create(folder.0.join("large.yaml")).unwrap().set_len(65 << 20).unwrap();
    says(&mut manifests, "not in force: large.yaml: it has more than 64 MiB");
    fs::remove_file(folder.0.join("large.yaml")).unwrap();
    assert_eq!(next(&mut manifests).unwrap(), ["-large.yaml"]);
    // What is wrong now and could not be read before does not replace what was right.
    fs::remove_file(folder.0.join("b.yaml")).unwrap();
    std::os::unix::fs::symlink("nowhere", folder.0.join("b.yaml")).unwrap();
    says(&mut manifests, "stays in force: b.yaml: No such file");
    fs::remove_file(folder.0.join("b.yaml")).unwrap();
    folder.write("b.yaml", "{apiVersion: v1, kind: Namespace, metadata: {name: }}");
    assert_eq!(next(&mut manifests), None);
    assert_eq!(manifests.status.obstacle(), None);
    folder.write("b.yaml", "");
    says(&mut manifests, "stays in force: b.yaml: it is empty");
    // A directory whose place is taken for a while keeps what was below it, as does its target.
    fs::create_dir(folder.0.join("target")).unwrap();
    folder.write("target/e.yaml", NAMESPACE);
    std::os::unix::fs::symlink("target", folder.0.join("link")).unwrap();
    folder.write("b.yaml", NAMESPACE);
    assert_eq!(next(&mut manifests).unwrap(), ["+b.yaml", "+target/e.yaml"]);
    fs::rename(folder.0.join("target"), folder.0.join(".away")).unwrap();
    std::os::unix::fs::symlink("nowhere", folder.0.join("target")).unwrap();
    says(&mut manifests, "stays in force: target/e.yaml: No such file");
    fs::remove_file(folder.0.join("target")).unwrap();
    fs::rename(folder.0.join(".away"), folder.0.join("target")).unwrap();
    assert_eq!(next(&mut manifests), None);
    assert_eq!(manifests.status.obstacle(), None);
}

#[test]
fn an_empty_file_at_the_start_is_waited_for() {
    let folder = Folder::new("empty");
    folder.write("a.yaml", "");
    let mut manifests = folder.manifests();
    assert_eq!(next(&mut manifests), None);
    assert!(manifests.status.obstacle().unwrap().contains("stays in force: a.yaml: it is empty"));
    folder.write("a.yaml", "# nothing\n");
    assert_eq!(next(&mut manifests).unwrap(), ["+a.yaml"]);
}
