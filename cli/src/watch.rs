//! Answers that are given again when the cluster changes them.

use std::time::{SystemTime, UNIX_EPOCH};

use portcullis_engine::Session;
use portcullis_engine::net::Family;

use crate::args::{InputArgs, OutputArgs, WatchArgs};
use crate::input::{self, Live};
use crate::output::{self, Outcome, Output};

const SECONDS_OF_A_DAY: u64 = 86_400;

/// What is asked, of what is read and how it is said.
pub struct Asked<'a> {
    pub input: &'a InputArgs,
    pub family: Option<Family>,
    pub say: OutputArgs,
    pub watch: WatchArgs,
}

/// Answers once; and where it is wanted, each time that the answer is another one, with the time
/// before it.
///
/// # Shape
/// `answer` writes to the output what is answered, and says the rest unless it is to be quiet.
///
/// # Errors
/// As reading and answering; of later answers they are said, and it goes on.
pub fn answer(
    asked: &Asked<'_>,
    answer: impl Fn(&Session, OutputArgs, &mut Output) -> anyhow::Result<Outcome>,
) -> anyhow::Result<Outcome> {
    let text = |session: &Session, say| {
        let mut out = Output::memory();
        let outcome = answer(session, say, &mut out);
        outcome.map(|_| out.into_text())
    };
    let changed = |_: &Session, new: &Session, last: &mut Option<String>| {
        let now = text(new, OutputArgs { quiet: true, ..asked.say })?;
        let differs = last.as_ref() != Some(&now);
        *last = Some(now.clone());
        Ok(differs.then_some(now))
    };
    answer_and(asked, &answer, changed)
}

/// The same, where what differs is written in another way: from the session before, the one after,
/// and what was last kept.
pub fn answer_and<K: Default>(
    asked: &Asked<'_>,
    answer: impl Fn(&Session, OutputArgs, &mut Output) -> anyhow::Result<Outcome>,
    changed: impl Fn(&Session, &Session, &mut K) -> anyhow::Result<Option<String>>,
) -> anyhow::Result<Outcome> {
    let Asked { input, family, say, watch } = *asked;
    if !watch.watch {
        let session = input::session_of(family, input, say)?;
        let mut out = Output::new();
        let outcome = answer(&session, say, &mut out)?;
        out.finish()?;
        return Ok(outcome);
    }
    only_with_a_cluster(input.more.cluster.is_wanted())?;
    let live = Live::start(family, input, say)?;
    let first = |live: &Live, out: &mut Output| answer(&live.session(), say, out).map(drop);
    let (mut session, mut kept) = (live.session(), K::default());
    // What is kept now is what later answers are compared with.
    changed(&session, &session, &mut kept)?;
    follow(live, say, first, |live| {
        let new = live.session();
        let text = changed(&session, &new, &mut kept);
        session = new;
        text
    })
}

/// Answers about a cluster and what it would be, and again each time that the answer is another one.
///
/// # Errors
/// As [`answer`].
pub fn answer_both(
    live: Live,
    say: OutputArgs,
    answer: impl Fn(&Session, &Session, OutputArgs, &mut Output) -> anyhow::Result<Outcome>,
) -> anyhow::Result<Outcome> {
    let text = |live: &Live| {
        let mut out = Output::memory();
        let say = OutputArgs { quiet: true, ..say };
        let outcome = answer(live.cluster(), &live.session(), say, &mut out);
        outcome.map(|_| out.into_text())
    };
    let first =
        |live: &Live, out: &mut Output| answer(live.cluster(), &live.session(), say, out).map(drop);
    let mut last = text(&live)?;
    follow(live, say, first, |live| {
        let now = text(live)?;
        let differs = last != now;
        last.clone_from(&now);
        Ok(differs.then_some(now))
    })
}

/// That nothing else is followed than a cluster.
///
/// # Errors
/// If none is wanted.
pub fn only_with_a_cluster(is_wanted: bool) -> anyhow::Result<()> {
    anyhow::ensure!(is_wanted, "--watch follows a cluster: use it with --cluster");
    Ok(())
}

/// Answers, and then prints what there is to say of each change.
fn follow(
    mut live: Live,
    say: OutputArgs,
    first: impl FnOnce(&Live, &mut Output) -> anyhow::Result<()>,
    mut changed: impl FnMut(&Live) -> anyhow::Result<Option<String>>,
) -> anyhow::Result<Outcome> {
    let mut out = Output::new();
    first(&live, &mut out)?;
    out.finish()?;
    if !say.quiet {
        output::say("following the cluster; end it with Ctrl-C");
    }
    while live.wait(output::say) {
        match changed(&live) {
            Ok(None) => {}
            Ok(Some(text)) => print(&text)?,
            Err(error) if output::is_closed_pipe(&error) => return Err(error),
            Err(error) => output::say_error(&format!("{error:#}")),
        }
    }
    anyhow::bail!("the cluster is not followed any more")
}

fn print(text: &str) -> anyhow::Result<()> {
    let mut out = Output::new();
    out.render(|out| {
        use std::fmt::Write as _;
        writeln!(out, "\n{}", now())?;
        out.write_str(text)
    })?;
    Ok(out.finish()?)
}

/// The time of day, in UTC.
fn now() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let of_day = since.as_secs() % SECONDS_OF_A_DAY;
    format!("{:02}:{:02}:{:02}Z", of_day / 3_600, of_day / 60 % 60, of_day % 60)
}
