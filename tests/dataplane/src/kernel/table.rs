//! The filter table of a family.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::Failure;
use super::rule::Rule;
use super::set::Set;

/// Chains that the kernel has itself.
const OWN: [&str; 3] = ["FORWARD", "INPUT", "OUTPUT"];

/// So many chains lead from one to the next at most, by jump or by goto, the kernel's own counted.
///
/// # Source
/// Linux, `NFT_JUMP_STACK_SIZE`; of another program the tool says "too many links".
const DEEPEST: usize = 16;

/// The filter table of a family.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    chains: BTreeMap<String, Vec<Rule>>,
}

impl Default for Table {
    fn default() -> Self {
        Self { chains: OWN.map(|name| (name.to_owned(), Vec::new())).into() }
    }
}

impl Table {
    /// The rules of a chain.
    pub fn chain(&self, name: &str) -> &[Rule] {
        self.chains.get(name).map_or(&[], Vec::as_slice)
    }

    /// Whether a rule asks a set.
    pub fn uses_set(&self, name: &str) -> bool {
        self.chains.values().flatten().any(|rule| rule.sets().any(|set| set == name))
    }

    /// One text of `iptables-restore --noflush`.
    pub fn restore(&mut self, text: &str, sets: &BTreeMap<String, Set>) -> Result<(), Failure> {
        let mut lines = text.lines();
        if lines.next() != Some("*filter") || lines.next_back() != Some("COMMIT") {
            return Err("no table".into());
        }
        for line in lines {
            self.line(line).map_err(|why| format!("{line}: {why}"))?;
        }
        for rule in self.chains.values().flatten() {
            if rule.leads_to().is_some_and(|chain| !self.chains.contains_key(chain)) {
                return Err(format!("`{}` leads nowhere", rule.text));
            }
            if rule.sets().any(|set| !sets.contains_key(set)) {
                return Err(format!("`{}` asks a set that is not there", rule.text));
            }
        }
        let mut done = BTreeSet::new();
        self.chains.keys().try_for_each(|name| self.no_loop(name, &mut Vec::new(), &mut done))?;
        let mut known = BTreeMap::new();
        let deepest = OWN.into_iter().map(|name| self.depth(name, &mut known)).max();
        match deepest.is_some_and(|deepest| deepest > DEEPEST) {
            true => Err("too many links".into()),
            false => Ok(()),
        }
    }

    /// How many chains lead from one to the next, this one counted.
    fn depth<'t>(&'t self, name: &'t str, known: &mut BTreeMap<&'t str, usize>) -> usize {
        if let Some(known) = known.get(name) {
            return *known;
        }
        let next = self.chain(name).iter().filter_map(Rule::leads_to);
        let depth = 1 + next.map(|next| self.depth(next, known)).max().unwrap_or(0);
        known.insert(name, depth);
        depth
    }

    /// The kernel takes no chains that lead back to themselves.
    fn no_loop<'t>(
        &'t self,
        name: &'t str,
        above: &mut Vec<&'t str>,
        done: &mut BTreeSet<&'t str>,
    ) -> Result<(), Failure> {
        if above.contains(&name) {
            return Err(format!("{name} leads to itself"));
        }
        if done.contains(name) {
            return Ok(());
        }
        above.push(name);
        for next in self.chain(name).iter().filter_map(Rule::leads_to) {
            self.no_loop(next, above, done)?;
        }
        above.pop();
        done.insert(name);
        Ok(())
    }

    fn line(&mut self, line: &str) -> Result<(), Failure> {
        if let Some(rest) = line.strip_prefix(':') {
            let name = rest.split(' ').next().unwrap_or_default();
            if name.len() > 28 {
                return Err("the name is too long".into());
            }
            self.chains.insert(name.to_owned(), Vec::new());
            return Ok(());
        }
        let (command, rest) = line.split_once(' ').ok_or("no command")?;
        let (name, rest) = rest.split_once(' ').unwrap_or((rest, ""));
        if command == "-X" {
            return self.remove(name);
        }
        let chain = self.chains.get_mut(name).ok_or("there is no such chain")?;
        match command {
            "-A" => chain.push(Rule::parse(rest)?),
            "-I" => chain.insert(0, Rule::parse(rest.strip_prefix("1 ").ok_or("not at 1")?)?),
            "-F" => chain.clear(),
            "-D" => {
                let place = match rest.parse::<usize>() {
                    Ok(number) => number.checked_sub(1),
                    Err(_) => chain.iter().position(|rule| rule.text == rest),
                };
                let place = place.filter(|place| *place < chain.len());
                chain.remove(place.ok_or("there is no such rule")?);
            }
            _ => return Err("unknown command".into()),
        }
        Ok(())
    }

    fn remove(&mut self, name: &str) -> Result<(), Failure> {
        if self.chains.values().flatten().any(|rule| rule.leads_to() == Some(name)) {
            return Err("rules lead to it".into());
        }
        match self.chains.remove(name) {
            Some(rules) if rules.is_empty() => Ok(()),
            Some(_) => Err("it is not empty".into()),
            None => Err("there is no such chain".into()),
        }
    }

    /// As `iptables-save` prints it.
    pub fn save(&self) -> String {
        let mut text = String::from("*filter\n");
        for name in self.chains.keys() {
            let policy = if OWN.contains(&name.as_str()) { "ACCEPT" } else { "-" };
            let _ = writeln!(text, ":{name} {policy} [0:0]");
        }
        for (name, rules) in &self.chains {
            for rule in rules {
                let _ = writeln!(text, "-A {name} {}", rule.text);
            }
        }
        text.push_str("COMMIT\n");
        text
    }
}
