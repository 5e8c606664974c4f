//! The examples that come with the page.

mod lesson;
mod menu;
mod sets;

use portcullis_engine::FlowQuery;
use portcullis_engine::report::{PortQuery, Protocol, Verdict};

pub use lesson::{Lesson, inline};
pub use menu::{ExampleMenu, close};

use crate::state::{File, FlowForm, Work};

/// An example, with what is there once for each language.
pub struct Example {
    pub id: &'static str,
    pub title: [&'static str; 2],
    pub summary: [&'static str; 2],
    pub lesson: [&'static str; 2],
    pub files: &'static [(&'static str, &'static str)],
    /// From, to, port and protocol of the flow that it is about.
    pub ask: [&'static str; 4],
    /// What is to be reached.
    pub goal: Goal,
}

/// What a lesson asks for: as it comes, not all of the flows are as wanted.
pub struct Goal {
    pub text: [&'static str; 2],
    pub flows: &'static [Wanted],
}

/// From, to, and port with protocol of a flow, and whether it is to pass.
pub type Wanted = (&'static str, &'static str, &'static str, bool);

impl Goal {
    /// The flows, as the engine is asked.
    pub fn queries(&self) -> Vec<FlowQuery> {
        let query = |(from, to, port, _): &Wanted| {
            let (port, protocol) = PortQuery::parse(port, None).ok()?;
            Some(FlowQuery { from: (*from).into(), to: (*to).into(), protocol, port })
        };
        self.flows.iter().filter_map(query).collect()
    }

    /// How many flows are as wanted, by their verdicts.
    pub fn met(&self, verdicts: &[Option<Verdict>]) -> usize {
        let pairs = self.flows.iter().zip(verdicts);
        let is_met = |((.., passes), verdict): &(&Wanted, &Option<Verdict>)| {
            let wanted = if *passes { Verdict::Allow } else { Verdict::Deny };
            **verdict == Some(wanted)
        };
        pairs.filter(is_met).count()
    }
}

include!(concat!(env!("OUT_DIR"), "/examples.rs"));

/// The first of these are invitations on the empty page.
pub const INVITATIONS: [&str; 3] = ["default-deny", "stray-dash", "web-shop"];

pub fn find(id: &str) -> Option<&'static Example> {
    EXAMPLES.iter().find(|example| example.id == id)
}

/// The text of a file as an example has it.
pub fn text_of(id: &str, file: &str) -> Option<&'static str> {
    find(id)?.files.iter().find(|(name, _)| *name == file).map(|(_, text)| *text)
}

impl Example {
    pub fn work(&self) -> Work {
        let file =
            |(name, text): &(&str, &str)| File { name: (*name).into(), text: (*text).into() };
        let files: Vec<File> = self.files.iter().map(file).collect();
        let [from, to, port, protocol] = self.ask;
        // The last file holds policies: what there is to read and to change.
        let open = files.last().map(|file| file.name.clone()).unwrap_or_default();
        Work {
            id: None,
            name: None,
            files,
            open,
            example: Some(self.id),
            flow: FlowForm {
                from: short(from),
                to: short(to),
                port: port.to_owned(),
                protocol: Protocol::from_name(protocol).unwrap_or(Protocol::Tcp),
            },
            assume: crate::worker::Assume::default(),
        }
    }
}

/// `NS/KIND/NAME` as `NS/NAME`: no example has two workloads of one name.
fn short(end: &str) -> String {
    match end.split('/').collect::<Vec<_>>().as_slice() {
        [namespace, _, name] => format!("{namespace}/{name}"),
        _ => end.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many flows of an example's goal are as wanted, of all; with its files, but for the last
    /// one, in whose place stands the solution. Where there is but one, the solution is a second.
    fn met(example: &Example, solution: Option<&str>) -> (usize, usize) {
        let mut files = example.files.to_vec();
        if let Some(text) = solution {
            if files.len() > 1 {
                files.pop();
            }
            files.push(("solved.yaml", text));
        }
        let put = files.iter().map(|(name, text)| {
            let file = portcullis_engine::SourceFile::new(name, text.as_bytes());
            portcullis_engine::Change::Put(file)
        });
        let session = portcullis_engine::Session::new(portcullis_engine::Options::default());
        let session = session.apply(put.collect());
        let verdict = |flow| Some(session.evaluate(flow).unwrap().verdict);
        let verdicts: Vec<_> = example.goal.queries().iter().map(verdict).collect();
        assert_eq!(verdicts.len(), example.goal.flows.len(), "{}", example.id);
        (example.goal.met(&verdicts), verdicts.len())
    }

    #[test]
    fn a_goal_is_reached_by_its_solution_and_not_before() {
        for example in EXAMPLES {
            let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
            let solution = folder.join(example.id).join("solved.yaml");
            let solution = std::fs::read_to_string(solution).unwrap();
            let (before, all) = met(example, None);
            assert!(before < all, "{}: it is reached as it comes", example.id);
            let (after, _) = met(example, Some(&solution));
            assert_eq!(after, all, "{}: the solution does not reach it", example.id);
        }
    }

    #[test]
    fn every_example_asks_about_something_that_the_engine_can_answer() {
        for example in EXAMPLES {
            let files = example.files.iter().map(|(name, text)| {
                let file = portcullis_engine::SourceFile::new(name, text.as_bytes());
                portcullis_engine::Change::Put(file)
            });
            let session = portcullis_engine::Session::new(portcullis_engine::Options::default());
            let session = session.apply(files.collect());
            let flow = example.work().flow.query().unwrap();
            assert!(session.evaluate(&flow).is_ok(), "{}: {flow:?}", example.id);
        }
    }

    #[test]
    fn invitations_are_examples() {
        assert!(INVITATIONS.iter().all(|id| find(id).is_some()));
    }
}
