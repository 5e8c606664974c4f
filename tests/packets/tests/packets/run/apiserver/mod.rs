//! The agent follows a real API server, and packets follow the agent.

mod calico;
mod claims;
mod clusters;
mod life;
mod marks;
mod objects;
mod outages;
mod server;
mod stage;
mod states;
mod tables;
mod tiers;
mod told;

use std::sync::{Mutex, MutexGuard, PoisonError};

use portcullis_kube::Programs;

use super::Test;
use server::Server;

pub const TESTS: &[Test] = &[
    ("API server: random clusters: packets, engine and oracle agree", clusters::agree),
    ("API server: random clusters with Calico's kinds: packets and engine agree", calico::agree),
    ("API server: the truth tables, one after the other", tables::follow_each_other),
    ("API server: what changes there changes what packets can do", life::changes),
    ("API server: outages lose nothing, and open and close nothing", outages::survived),
    ("API server: pods elsewhere that claim an address change nothing", claims::change_nothing),
    ("API server: any named state may follow any other", states::follow_each_other),
    ("API server: cluster policies, of which the kind comes and goes", tiers::come_and_go),
    ("API server: it is told what is in force, and that can be waited for", told::waited_for),
];

/// Started by the first test that needs it, and handed on from one to the next.
static SERVER: Mutex<Option<Server>> = Mutex::new(None);

/// Why there is none; none if there is one.
pub fn obstacle() -> Option<&'static str> {
    Programs::find().is_none().then_some("no API server is built; run: make test-kube")
}

/// Runs a test with the server; one in which a test failed is not used again.
fn with_server(test: impl FnOnce(&mut Server)) {
    let mut server = slot().take().unwrap_or_else(Server::start);
    test(&mut server);
    *slot() = Some(server);
}

/// Ends the server.
pub fn close() {
    drop(slot().take());
}

fn slot() -> MutexGuard<'static, Option<Server>> {
    SERVER.lock().unwrap_or_else(PoisonError::into_inner)
}
