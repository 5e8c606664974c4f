//! Steps of a plan as the tools read them.

use std::fmt::Write as _;

use super::super::plan::{RuleEdit, SetEdit, Step};
use super::super::program::{AddressSet, Chain, Hook};
use super::render::{member_texts, rule_text, set_create};
use crate::net::Family;

impl Step {
    /// What the tool gets on its standard input: `ipset restore`, or `iptables-restore --noflush`.
    pub fn text(&self) -> String {
        match self {
            Self::Sets(edits) => set_script(edits),
            Self::Rules(family, edits) => rule_script(*family, edits),
        }
    }
}

fn set_script(edits: &[SetEdit]) -> String {
    let mut text = String::new();
    for edit in edits {
        match edit {
            SetEdit::Create(family, set) => {
                let _ = writeln!(text, "{}", set_create(set, *family));
                lines(&mut text, "add", set, member_texts(&set.members));
            }
            SetEdit::Change { .. } => {}
            SetEdit::Destroy(name) => {
                let _ = writeln!(text, "destroy {name}");
            }
        }
    }
    // All that come before all that go, over all sets: a pod that moves from one to another is
    // never in none.
    for (word, coming) in [("add", true), ("del", false)] {
        for edit in edits {
            if let SetEdit::Change { old, new } = edit {
                let (from, to) = if coming { (old, new) } else { (new, old) };
                lines(&mut text, word, new, member_texts(&to.members.without(&from.members)));
            }
        }
    }
    text
}

fn lines(text: &mut String, word: &str, set: &AddressSet, members: Vec<String>) {
    for member in members {
        let _ = writeln!(text, "{word} {} {member}", set.name);
    }
}

fn rule_script(family: Family, edits: &[RuleEdit]) -> String {
    let mut text = String::from("*filter\n");
    for edit in edits {
        match edit {
            RuleEdit::Fill(chain) => {
                let _ = writeln!(text, ":{} - [0:0]", chain.name);
            }
            // All are emptied before one is removed, since they lead to each other.
            RuleEdit::Remove(chain) => {
                let _ = writeln!(text, "-F {chain}");
            }
            _ => {}
        }
    }
    for edit in edits {
        write_edit(&mut text, edit, family);
    }
    text.push_str("COMMIT\n");
    text
}

fn write_edit(text: &mut String, edit: &RuleEdit, family: Family) {
    let _ = match edit {
        RuleEdit::Fill(chain) => {
            append(text, chain, family);
            Ok(())
        }
        RuleEdit::Prepend(chain) => {
            prepend(text, chain, family);
            Ok(())
        }
        // From the end, so that the numbers of the others stay.
        RuleEdit::Truncate { chain, has, keep } => {
            ((*keep + 1)..=*has).rev().try_for_each(|number| writeln!(text, "-D {chain} {number}"))
        }
        RuleEdit::Remove(chain) => writeln!(text, "-X {chain}"),
        RuleEdit::Enter { hook, stray } => {
            leave(text, hook, *stray);
            writeln!(text, "-I {} 1 -j {}", hook.from, hook.to)
        }
        RuleEdit::Leave { hook, stray } => {
            leave(text, hook, *stray);
            Ok(())
        }
    };
}

fn append(text: &mut String, chain: &Chain, family: Family) {
    for rule in &chain.rules {
        let _ = writeln!(text, "-A {} {}", chain.name, rule_text(rule, family));
    }
}

/// Each at the first place, the last one first.
fn prepend(text: &mut String, chain: &Chain, family: Family) {
    for rule in chain.rules.iter().rev() {
        let _ = writeln!(text, "-I {} 1 {}", chain.name, rule_text(rule, family));
    }
}

/// By what it says and not by its number: the kernel's chains are others' as well.
fn leave(text: &mut String, hook: &Hook, times: usize) {
    for _ in 0..times {
        let _ = writeln!(text, "-D {} -j {}", hook.from, hook.to);
    }
}
