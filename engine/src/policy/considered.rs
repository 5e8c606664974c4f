//! Readings of a set of policies, some of which are only audited.

use crate::manifest::Mode;

/// Which policies are taken to be in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Considered {
    /// Those that are enforced.
    Enforced,
    /// Audited ones as well.
    All,
    /// All, for endpoints of which audited ones select some; for others none.
    AllWhereAudited,
    /// None.
    Nothing,
}

impl Considered {
    /// What decides on a node whose operator asks for a mode.
    pub fn in_force(mode: Mode) -> Self {
        match mode {
            Mode::Enforce => Self::Enforced,
            Mode::Audit => Self::Nothing,
        }
    }

    /// What is only said to deny there.
    pub fn audited(mode: Mode) -> Self {
        match mode {
            Mode::Enforce => Self::AllWhereAudited,
            Mode::Audit => Self::All,
        }
    }
    /// Whether policies of a mode are among them.
    pub fn includes(self, mode: Mode) -> bool {
        match self {
            Self::Enforced => mode == Mode::Enforce,
            Self::All | Self::AllWhereAudited => true,
            Self::Nothing => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Change, Options, Session, SourceFile};

    #[test]
    fn a_reading_has_the_policies_that_it_takes_to_be_in_force() {
        let policy = |mode: Mode| {
            let name = mode.name();
            format!(
                "---\n{{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy,\n metadata: {{name: {name}, \
                 namespace: x, annotations: {{portcullis.dev/mode: {name}}}}}, spec: {{podSelector: {{}}}}}}\n"
            )
        };
        let text: String = Mode::BOTH.map(policy).concat();
        let file = SourceFile::new("all.yaml", text.as_bytes());
        let session = Session::new(Options::default()).apply(vec![Change::Put(file)]);
        let names = |considered| -> Vec<String> {
            let set = session.policies().considering(considered);
            let mut names: Vec<_> =
                set.in_force().map(|(_, policy)| policy.object.meta.name.to_string()).collect();
            names.sort_unstable();
            names
        };
        assert_eq!(names(Considered::Enforced), ["enforce"]);
        assert_eq!(names(Considered::All), ["audit", "enforce"]);
        assert_eq!(names(Considered::AllWhereAudited), ["audit", "enforce"]);
        assert_eq!(names(Considered::Nothing), [""; 0]);
    }
}
