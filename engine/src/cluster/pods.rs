//! The pods that a workload makes from its template, as far as they differ.

use std::sync::Arc;

use super::draft::Templated;
use super::hidden;
use super::owner::WorkloadKey;
use super::variant::AskedLabels;
use crate::manifest::{LabelList, Object, Workload, WorkloadKind};

/// Workloads of more pods with numbers are not taken apart.
const MOST: u32 = 1_000;

/// A workload whose pods are asked for.
pub struct Maker<'m> {
    /// Its object.
    pub object: &'m Object,
    /// Itself.
    pub workload: &'m Workload,
    /// Labels of the template, which may be another workload's.
    pub labels: &'m LabelList,
    /// Its topmost owner.
    pub root: &'m WorkloadKey,
}

impl Maker<'_> {
    /// Its pods: one for all, unless they have labels by which selectors tell them apart.
    pub fn pods(&self, asked: &AskedLabels) -> Vec<Templated> {
        let kinds = self.marked();
        match self.numbers().filter(|_| self.is_asked(asked)) {
            Some(numbers) => numbers.flat_map(|index| self.numbered(index)).collect(),
            None => kinds,
        }
    }

    /// The name, if it is known.
    fn name(&self) -> Option<&str> {
        (!self.object.meta.is_generated).then_some(&*self.object.meta.name)
    }

    fn is_asked(&self, asked: &AskedLabels) -> bool {
        let mut keys = hidden::number_keys(self.workload.kind).iter();
        keys.any(|key| asked.of_pods.contains_key(key))
    }

    /// The numbers of its pods, if they have some and these are not too many. Scaled to none it is
    /// still what its policies say, of the first pod that comes.
    fn numbers(&self) -> Option<std::ops::Range<u32>> {
        let count = match self.workload.kind {
            WorkloadKind::StatefulSet => self.workload.replicas,
            _ => self.workload.indexes,
        };
        let count = count.filter(|count| *count <= MOST)?.max(1);
        let first = self.workload.first_replica;
        Some(first..first.saturating_add(count))
    }

    fn numbered(&self, index: u32) -> Option<Templated> {
        let labels = hidden::with_known(self.workload, self.name(), self.labels);
        let labels = hidden::with_number(self.workload, (self.name(), index), &labels);
        let name = format!("{}-{index}", self.object.meta.name).into();
        Some(self.one(name, labels, true))
    }

    /// All pods of the template, or each kind of those that are marked as such.
    fn marked(&self) -> Vec<Templated> {
        let name = &self.object.meta.name;
        let labels = hidden::with_known(self.workload, self.name(), self.labels);
        let mut all: Vec<Templated> = Vec::new();
        for (mark, more) in &self.workload.marked {
            let mut labels = labels.clone();
            more.iter().for_each(|(key, value)| hidden::set(&mut labels, key, value));
            all.push(self.one(format!("{name}-{mark}").into(), labels, false));
        }
        // Where only the ones are marked, the others are as the template says.
        if all.len() < 2 {
            all.push(self.one(name.clone(), labels, false));
        }
        all
    }

    fn one(&self, name: Arc<str>, labels: LabelList, is_numbered: bool) -> Templated {
        let has_numbers = !hidden::number_keys(self.workload.kind).is_empty();
        // A StatefulSet whose numbers nobody asks for hides nothing that is asked for.
        let is_numbered = is_numbered || (has_numbers && self.numbers().is_some());
        let hidden = hidden::hidden_keys(self.workload, self.name().is_some(), is_numbered);
        Templated { workload: self.root.clone(), name, labels, hidden }
    }
}
