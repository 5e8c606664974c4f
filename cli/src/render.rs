//! `portcullis render`.

use std::fmt::{self, Write};

use clap::{Args, ValueEnum};
use portcullis_engine::dataplane::{Denial, FlowLog, Settings};
use portcullis_engine::report::{Family, FamilyReport, ProgramQuery, ProgramReport};

use crate::args::{FailOn, Form, InputArgs, OutputArgs};
use crate::output::{self, Outcome, Output};
use crate::{findings, input};

pub const EXAMPLES: &str = "\
Examples:
  portcullis render --node n1 --comments manifests/
  portcullis render --node n1 --family ipv4 --part sets manifests/ | ipset -exist restore
  portcullis render --node n1 --family ipv4 --part rules manifests/ | iptables-restore --noflush";

#[derive(Debug, Args)]
pub struct RenderArgs {
    #[command(flatten)]
    pub input: InputArgs,
    /// The node whose rules to print
    #[arg(long, value_name = "NAME", help_heading = "Program")]
    pub node: String,
    /// How to deny a packet
    #[arg(long, value_enum, default_value = "reject", help_heading = "Program")]
    pub deny: Deny,
    /// Log denied packets to this NFLOG group, at most ten per second and class
    #[arg(long, value_name = "N", help_heading = "Program")]
    pub nflog_group: Option<u16>,
    /// Only this address family
    #[arg(long, value_enum, help_heading = "Output")]
    pub family: Option<OneFamily>,
    /// Only the sets, for `ipset restore`, or the rules, for `iptables-restore --noflush`
    #[arg(long, value_enum, help_heading = "Output")]
    pub part: Option<Part>,
    /// Add to each rule a comment with the policy and line that it comes from
    #[arg(long, help_heading = "Output")]
    pub comments: bool,
    /// The output format
    #[arg(long, short, value_enum, default_value = "text", help_heading = "Output")]
    pub output: Form,
    #[command(flatten)]
    pub say: OutputArgs,
    /// Exit with 1 for findings of this severity or above in the input
    #[arg(
        long,
        value_enum,
        value_name = "SEVERITY",
        default_value = "never",
        help_heading = "Exit status"
    )]
    pub fail_on: FailOn,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Deny {
    /// The sender gets an error at once
    Reject,
    /// The packet is dropped silently
    Drop,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OneFamily {
    Ipv4,
    Ipv6,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Part {
    Sets,
    Rules,
}

/// Packets of one class that are logged in a second, and at once.
const LOGGED: (u32, u32) = (10, 20);

pub fn run(args: &RenderArgs) -> anyhow::Result<Outcome> {
    let session = input::session(&args.input, args.say)?;
    let summary = session.summary();
    findings::say(&summary, "portcullis render", &args.input, args.say);
    if let Some(why) = findings::unusable(&session, &summary) {
        anyhow::bail!("{why}");
    }
    let mut report = session.program(&query(args))?;
    if let Some(family) = args.family {
        report.families.retain(|known| known.family == engine_family(family));
    }
    let mut out = Output::new();
    match args.output {
        Form::Json => out.json(&report)?,
        Form::Text => out.render(|out| print(&report, args, out))?,
    }
    out.finish()?;
    if !args.say.quiet {
        report.notes.iter().for_each(|note| output::say(note));
    }
    Ok(findings::outcome(&summary, args.fail_on))
}

fn query(args: &RenderArgs) -> ProgramQuery {
    let (per_second, burst) = LOGGED;
    let flow_log = args.nflog_group;
    let flow_log = flow_log.map(|group| FlowLog { group, per_second, burst, admitted: false });
    let denial = match args.deny {
        Deny::Reject => Denial::Reject,
        Deny::Drop => Denial::Drop,
    };
    let settings = Settings { denial, flow_log, ..Settings::default() };
    ProgramQuery { node: args.node.clone(), settings, comments: args.comments }
}

fn engine_family(family: OneFamily) -> Family {
    match family {
        OneFamily::Ipv4 => Family::IPv4,
        OneFamily::Ipv6 => Family::IPv6,
    }
}

/// Both tools ignore lines that begin with `#`.
fn print(report: &ProgramReport, args: &RenderArgs, out: &mut impl Write) -> fmt::Result {
    for family in &report.families {
        if args.part != Some(Part::Rules) {
            writeln!(out, "# {} sets of node {}: ipset restore", family.family, report.node)?;
            out.write_str(&family.ipset_restore)?;
        }
        if args.part != Some(Part::Sets) {
            let (tool, node) = (tool(family), &report.node);
            writeln!(out, "# {} rules of node {node}: {tool} --noflush", family.family)?;
            out.write_str(&family.iptables_restore)?;
        }
    }
    Ok(())
}

fn tool(family: &FamilyReport) -> &'static str {
    match family.family {
        Family::IPv4 => "iptables-restore",
        Family::IPv6 => "ip6tables-restore",
    }
}
