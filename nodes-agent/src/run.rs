//! From a command line to a running agent.

use std::ffi::OsString;
use std::io::Write as _;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use anyhow::Context as _;
use portcullis_engine::dataplane::{Settings, Wiring};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use tracing_subscriber::filter::LevelFilter;

use crate::agent::{Agent, Applier, Audits, How, Message, Observers, Pace};
use crate::alone;
use crate::check;
use crate::diagnose;
use crate::enforce::audit::Auditor;
use crate::enforce::connections::ConnectionCutter;
use crate::enforce::gate::{self, Gate};
use crate::enforce::{Enforcer, HostEndpoints, PodInterfaces, PolicyCounters};
use crate::kernel::iptables::{Backend, Iptables};
use crate::kernel::{self, PacketFilter as _, Removal, TaggedFrames, bridge};
use crate::observe::{self, Identity, Reporter, Status, flowlog, masquerade};
use crate::options::{
    Check, CheckFormat, Cleanup, Command, Enforcement, FlowLogOption, LogFormat, ModeOption,
    Options, StatusOptions,
};
use crate::privileges;
use crate::source::apiserver::{ApiServer, EventPace, Events, NodeStatus, Patience, StatusPace};
use crate::source::{AtStart, ChangeSink, DesiredState, Manifests, Source};
use crate::status::{self, Answer, Wait};

/// Does what a command line says, its first word being the program's name.
pub fn run(words: &[OsString]) -> ExitCode {
    let options = match Options::read(words) {
        Ok(options) => options,
        Err(error) => return fail(&error, ExitCode::FAILURE),
    };
    log(&options);
    match obey(&options) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => fail(&error, failure(&options)),
    }
}

/// Who asks for a status is told apart that nobody answers.
fn failure(options: &Options) -> ExitCode {
    match options.command {
        Some(Command::Status(_)) => ExitCode::from(2),
        _ => ExitCode::FAILURE,
    }
}

fn fail(error: &anyhow::Error, code: ExitCode) -> ExitCode {
    // Help and version are errors to clap, too.
    if let Some(usage) = error.downcast_ref::<clap::Error>() {
        let _ = usage.print();
        return ExitCode::from(u8::try_from(usage.exit_code()).unwrap_or(2));
    }
    let _ = writeln!(std::io::stderr(), "portcullis-agent: {error:#}");
    code
}

fn log(options: &Options) {
    // Who asks something wants the answer.
    let level = if options.command.is_some() { LevelFilter::WARN } else { LevelFilter::INFO };
    // On standard error: standard output is the flow log's.
    let builder = tracing_subscriber::fmt().with_writer(std::io::stderr).with_target(false);
    let builder = builder.with_max_level(level);
    // A second agent in one process, as tests have it, keeps the first one's log.
    let _ = match options.running.log {
        LogFormat::Text => builder.with_ansi(false).try_init(),
        LogFormat::Json => builder.json().try_init(),
    };
}

/// Whether what was asked for is well.
fn obey(options: &Options) -> anyhow::Result<bool> {
    kernel::limit(Duration::from_secs(options.running.tool_seconds));
    match &options.command {
        Some(Command::Cleanup(cleanup)) => remove(cleanup)?,
        Some(Command::Check(check)) => return self::check(check),
        Some(Command::Gate(gate)) => close(&gate.enforcement)?,
        Some(Command::Status(asked)) => return say_status(asked),
        Some(Command::Diagnose(asked)) => {
            let said = diagnose::diagnose(asked)?;
            // Standard output may be the archive.
            writeln!(std::io::stderr(), "{said}").context("standard error")?;
        }
        None if options.wanted.dry_run => print(options)?,
        None if options.wanted.once => once(options)?,
        None => keep(options)?,
    }
    Ok(true)
}

/// Looks at a node; whether policies can be enforced there.
fn check(Check { backend, prefix, format }: &Check) -> anyhow::Result<bool> {
    let items = check::examine(&check::Subject { backend: *backend, prefix: prefix.clone() });
    let text = match format {
        CheckFormat::Text => check::table(&items),
        CheckFormat::Json => serde_json::to_string_pretty(&items)? + "\n",
    };
    write!(std::io::stdout(), "{text}").context("standard output")?;
    Ok(check::worst(&items) < check::Grade::Fail)
}

/// Says what is in force; whether all of it is.
fn say_status(asked: &StatusOptions) -> anyhow::Result<bool> {
    let (text, answer) = match &asked.wait {
        None => status::of_node(asked)?,
        Some(policy) => status::wait(&Wait {
            policy: policy.clone(),
            generation: asked.generation,
            timeout: asked.timeout,
            kubeconfig: asked.kubeconfig.clone(),
        })?,
    };
    write!(std::io::stdout(), "{text}").context("standard output")?;
    Ok(answer == Answer::InForce)
}

fn close(enforcement: &Enforcement) -> anyhow::Result<()> {
    let pods = match &enforcement.pod_interfaces {
        PodInterfaces::Named(named) => named.clone(),
        PodInterfaces::Routes | PodInterfaces::Off => Vec::new(),
    };
    if pods.is_empty() && enforcement.local_pod_cidrs.is_empty() {
        anyhow::bail!("where are pods? pass --local-pod-cidrs, --pod-interfaces or both");
    }
    if enforcement.mode == ModeOption::Audit {
        return writeln!(std::io::stdout(), "not closed: with --mode audit nothing is denied")
            .context("standard output");
    }
    let (settings, wiring) = (enforcement.settings(None)?, Wiring { pods, ..Wiring::default() });
    let iptables = Iptables::find(enforcement.backend)?;
    let gate = gate::close(iptables, &settings, &wiring).context("could not close the gate")?;
    let mut tagged = TaggedFrames::new(&settings.prefix);
    let bridges = bridge::ensure_filtered().and_then(|_| tagged.ensure_dropped(&wiring.pods));
    bridges.map_err(anyhow::Error::msg).context("the gate is open on bridges")?;
    let what = match gate {
        Gate::Closed => "closed: pods have no network until an agent knows them",
        Gate::InForce => "rules are in force already; nothing was changed",
    };
    writeln!(std::io::stdout(), "{what}").context("standard output")
}

fn remove(cleanup: &Cleanup) -> anyhow::Result<()> {
    // What no agent takes for a prefix none has used.
    Settings { prefix: cleanup.prefix.clone(), ..Settings::default() }.checked()?;
    let mut found = false;
    // Of both implementations: the node may have changed from one to the other.
    for backend in [Backend::Nft, Backend::Legacy] {
        if let Ok(iptables) = Iptables::find(Some(backend)) {
            let removed = iptables.remove(&cleanup.prefix, Removal::Rules);
            found |= removed.context("could not remove the chains")?;
        }
    }
    let removed = TaggedFrames::new(&cleanup.prefix).remove();
    found |= removed.context("could not remove the table of tagged frames")?;
    let removed = Iptables::find(None)?.remove(&cleanup.prefix, Removal::RulesAndSets);
    found |= removed.context("could not remove the sets")?;
    let what = if found {
        "removed all Portcullis chains and sets"
    } else {
        "no Portcullis chains or sets found"
    };
    writeln!(std::io::stdout(), "{what}").context("standard output")
}

/// Where the desired state comes from.
fn source(options: &Options, status: &Arc<Status>, told: Told) -> Box<dyn Source> {
    match &options.wanted.manifests {
        Some(folder) => {
            let ends = options.wanted.once || options.wanted.dry_run;
            let at_start = if ends { AtStart::Fail } else { AtStart::Wait };
            Box::new(Manifests::new(folder, at_start, Arc::clone(status)))
        }
        None => Box::new(ApiServer {
            kubeconfig: options.wanted.kubeconfig.clone(),
            patience: Patience {
                watch: Duration::from_secs(options.running.silence_seconds),
                discovery: Duration::from_secs(options.running.discovery_seconds),
                spread: options.spread(),
                ..Patience::default()
            },
            status: Arc::clone(status),
            events: told.events,
            node_status: told.node_status,
        }),
    }
}

/// What the API server is told.
#[derive(Debug, Default)]
struct Told {
    events: Option<Events>,
    node_status: Option<NodeStatus>,
}

impl Told {
    /// By an agent that keeps running.
    fn by(options: &Options, status: &Arc<Status>) -> Self {
        let (running, node) =
            (&options.running, options.wanted.node.as_deref().unwrap_or_default());
        let writes_per_second = running.status_writes_per_second;
        let pace = StatusPace { writes_per_second, ..StatusPace::default() };
        let node_status = || NodeStatus::new(node, pace, Arc::clone(status));
        Self {
            events: running.events.then(|| Events::of(node, EventPace::default())),
            node_status: running.status_object.then(node_status),
        }
    }
}

/// Who an agent is.
fn identity(options: &Options, backend: Backend) -> Identity {
    let is_directory = options.wanted.manifests.is_some();
    Identity {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        node: options.wanted.node.clone().unwrap_or_default(),
        source: if is_directory { "directory" } else { "API server" }.to_owned(),
        backend: backend.name().to_owned(),
        audits: options.enforcement.mode == ModeOption::Audit,
    }
}

/// An agent, which audits by itself if it is given nobody for it.
fn agent(
    options: &Options,
    observers: Observers,
    (auditor, status): (Option<Auditor>, &Arc<Status>),
) -> anyhow::Result<Agent> {
    let node = options.wanted.node.as_deref().context("which node is this? pass --node NAME")?;
    let iptables = Iptables::find(options.enforcement.backend)?;
    let (mut settings, running) = (options.settings()?, &options.running);
    if iptables.backend.walks_once() {
        settings.walked = usize::MAX;
    }
    let other = Iptables::find(Some(iptables.backend.other())).ok();
    let enforcer = Enforcer::new(iptables, &settings.prefix);
    let enforcer = enforcer.succeeding(other.map(|other| Box::new(other) as Box<_>));
    let pace = Pace {
        check: Duration::from_secs(running.check_seconds),
        audit: Duration::from_secs(running.audit_seconds),
    };
    let of_engine = portcullis_engine::Options {
        default_namespace: options.wanted.namespace.clone(),
        automatic_hosts: options.enforcement.host_endpoints == HostEndpoints::Auto,
        ..portcullis_engine::Options::default()
    };
    let desired = DesiredState::new(of_engine, node);
    let how = How {
        settings,
        pod_blocks: options.pod_blocks(),
        attachment: options.attachment(node),
        host_limit: options.enforcement.host_limit(),
    };
    let applier = Applier::new(node, how, enforcer, (observers, Arc::clone(status)));
    let audits = Audits::new(pace, auditor, Arc::clone(status));
    Ok(Agent::new(desired, applier, audits, Arc::clone(status)))
}

/// An agent that has the complete first state.
fn informed(options: &Options) -> anyhow::Result<Agent> {
    let status = Arc::default();
    let mut agent = agent(options, Observers::default(), (None, &status))?;
    let (to, changes) = channel();
    source(options, &status, Told::default()).start(ChangeSink::from(to))?;
    while !agent.take(changes.recv().context("the source has ended")?) {}
    Ok(agent)
}

fn print(options: &Options) -> anyhow::Result<()> {
    let script = informed(options)?.script()?;
    let mut out = std::io::stdout().lock();
    for (tool, text) in script {
        writeln!(out, "# {tool}\n{text}")?;
    }
    Ok(out.flush()?)
}

fn once(options: &Options) -> anyhow::Result<()> {
    bridge::ensure_filtered().map_err(anyhow::Error::msg)?;
    let mut agent = informed(options)?;
    agent.enforce_once().context("could not apply the program")?;
    agent.ensure_bridges().map_err(anyhow::Error::msg)
}

fn keep(options: &Options) -> anyhow::Result<()> {
    let iptables = Iptables::find(options.enforcement.backend)?;
    if !options.running.keep_capabilities {
        privileges::drop_all_but_needed().context("capabilities")?;
    }
    tracing::info!(backend = iptables.backend.name(), "starting");
    let status = Arc::new(Status::default());
    status.identify(identity(options, iptables.backend));
    for endpoint in options.serving.endpoints() {
        observe::serve(endpoint, &status);
    }
    let audit = Duration::from_secs(options.running.audit_seconds);
    masquerade::watch(iptables.tables, audit, Arc::clone(&status))?;
    let (to, messages) = channel();
    stop_on_signals(to.clone())?;
    alone::watch(&options.enforcement.prefix, Arc::clone(&status));
    let told = Told::by(options, &status);
    let reporter = told.events.as_ref().map(Events::reporter).unwrap_or_default();
    let observers = observers(options, reporter, &status);
    let report = to.clone();
    let auditor = Auditor::start(move |found| report.send(Message::Audited(found)).is_ok())?;
    let mut agent = agent(options, observers, (Some(auditor), &status))?;
    source(options, &status, told).start(ChangeSink::new(to, Message::Changes))?;
    run_until_stopped(&mut agent, &messages);
    Ok(())
}

fn run_until_stopped(agent: &mut Agent, messages: &Receiver<Message>) {
    agent.run(messages);
    kernel::end_all();
    tracing::info!("stopping; what is in force stays in force");
}

/// Who is told of what comes into force, each on a thread of its own.
fn observers(options: &Options, reporter: Reporter, status: &Arc<Status>) -> Observers {
    let running = &options.running;
    let node = options.wanted.node.as_deref().unwrap_or_default();
    let log = || flowlog::start(running.flow_log_group, node, Arc::clone(status));
    let flow_log = (running.flow_log != FlowLogOption::Off).then(log);
    let mark = options.enforcement.kill_mark;
    let cutter = || ConnectionCutter::start(mark, Arc::clone(status));
    let cuts = options.enforcement.cut && options.enforcement.mode == ModeOption::Enforce;
    let cutter = cuts.then(cutter);
    let counters = PolicyCounters::of_most(options.serving.policy_metrics);
    Observers { flow_log, reporter, cutter, counters }
}

fn stop_on_signals(to: Sender<Message>) -> anyhow::Result<()> {
    let mut signals = Signals::new([SIGTERM, SIGINT]).context("signals")?;
    let wait = move || {
        if signals.forever().next().is_some() {
            // The loop may be waiting for a tool, and hears of nothing until that has ended.
            kernel::stop_soon();
            // The loop has ended already if nobody listens.
            let _ = to.send(Message::Stop);
        }
    };
    std::thread::Builder::new().name("signals".into()).spawn(wait).context("signals")?;
    Ok(())
}
