//! Rows, to be found by whom they name and by who has them.

use super::class::{ClassId, Classes};
use super::row::{OPEN, RowId, Rows};
use crate::manifest::Direction;
use crate::net::Family;
use crate::shared::Table;

impl Rows {
    /// Has rows and destinations be found by keys; of the destinations those that are given,
    /// ascending, which speak for all.
    pub fn arrange(
        &mut self,
        classes: &Classes,
        family: Option<Family>,
        targets: impl Iterator<Item = ClassId>,
    ) {
        let is_there = |id: &ClassId| classes.get(*id).is_some_and(|c| c.place(family).is_some());
        self.targets = targets.filter(is_there).collect();
        self.classes_by_ingress = Table::filled(Vec::new(), self.rows.len());
        for id in &self.targets {
            let row = self.of[Direction::Ingress].get(*id).copied();
            for key in self.keys.get(*id).into_iter().flatten() {
                self.classes_by_key.entry(*key).or_default().push(*id);
                if row == Some(OPEN) {
                    self.open_by_key.entry(*key).or_default().push(*id);
                }
            }
            if let Some(list) = row.and_then(|row| self.classes_by_ingress.get_mut(row)) {
                list.push(*id);
            }
        }
        self.arrange_ingress();
    }

    fn arrange_ingress(&mut self) {
        let rows = self.targets.iter().filter_map(|id| self.of[Direction::Ingress].get(*id));
        let mut ingress: Vec<RowId> = rows.copied().filter(|row| *row != OPEN).collect();
        ingress.sort_unstable();
        ingress.dedup();
        for id in ingress {
            let Some(row) = self.rows.get(id) else {
                continue;
            };
            if row.slow.is_some() {
                self.slow_ingress.push(id);
            } else if let Some(own) = row.frame.and_then(|f| self.stages.rows.get_mut(f)) {
                own.push(id);
            }
            for (key, span) in &row.entries {
                self.ingress_by_key.entry(*key).or_default().push((id, *span));
            }
        }
    }
}
