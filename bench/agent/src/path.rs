//! What a packet pays: connecting, and a byte there and back over an established connection.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use portcullis_packets::namespace::Handle;

use crate::figures::Times;
use crate::pulse::connect;

/// What is measured of a path. Medians, as a busy machine makes some of each many times slower.
#[derive(Clone, Copy, Debug, Default)]
pub struct Path {
    /// Of a TCP connection's set-up.
    pub connect: Duration,
    /// Of a byte there and back.
    pub round_trip: Duration,
}

/// How often each is measured.
const CONNECTS: usize = 1_000;
const ROUND_TRIPS: usize = 5_000;

/// How often a path is measured with and without rules, in turn: a machine's speed drifts.
pub const ROUNDS: usize = 7;

/// Both without and with rules, round by round.
#[derive(Clone, Debug, Default)]
pub struct Pairs(pub Vec<[Path; 2]>);

impl Pairs {
    /// What the rules add to one of the figures: the median of the rounds' differences, and the
    /// median without rules, in microseconds.
    pub fn cell(&self, of: fn(&Path) -> Duration) -> String {
        let micros = |path: &Path| of(path).as_secs_f64() * 1e6;
        let more = self.0.iter().map(|[bare, ruled]| micros(ruled) - micros(bare)).collect();
        let bare = self.0.iter().map(|[bare, _]| micros(bare)).collect();
        format!("{:+.1} ({:.0})", median(more), median(bare))
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// Keeps this thread, and those that it starts, on one processor: on which one two threads run
/// decides more about a round trip between them than any rule.
fn stay() -> std::io::Result<()> {
    let mut one = rustix::thread::CpuSet::new();
    one.set(0);
    Ok(rustix::thread::sched_setaffinity(None, &one)?)
}

/// Sends back what comes.
pub fn echo(mut stream: TcpStream) {
    let _ = stream.set_nodelay(true);
    std::thread::spawn(move || {
        let _ = stay();
        let mut byte = [0; 1];
        while stream.read_exact(&mut byte).is_ok() && stream.write_all(&byte).is_ok() {}
    });
}

/// Measures paths that are open, to a server that takes connections and to one that sends back.
pub fn measure(from: &Handle, [takes, echoes]: [SocketAddr; 2]) -> Result<Path> {
    let path = from.enter(|| Ok(measure_here(takes, echoes)))?;
    path.with_context(|| format!("towards {takes} and {echoes}"))
}

fn measure_here(takes: SocketAddr, echoes: SocketAddr) -> Result<Path> {
    stay()?;
    let connects = times(CONNECTS, || Ok(connect(takes)?))?;
    let mut stream = TcpStream::connect(echoes)?;
    stream.set_nodelay(true)?;
    let mut byte = [0; 1];
    let round_trips = times(ROUND_TRIPS, || {
        stream.write_all(&[7])?;
        Ok(stream.read_exact(&mut byte)?)
    })?;
    Ok(Path { connect: connects.percentile(50), round_trip: round_trips.percentile(50) })
}

fn times(count: usize, mut work: impl FnMut() -> Result<()>) -> Result<Times> {
    let mut times = Vec::with_capacity(count);
    for _ in 0..count {
        let start = Instant::now();
        work()?;
        times.push(start.elapsed());
    }
    Ok(Times(times))
}
