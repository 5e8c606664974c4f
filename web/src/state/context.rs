//! The state, for every component.

use yew::prelude::*;

use super::State;

pub type Store = UseReducerHandle<State>;

/// The state of the page, with its `dispatch`.
#[hook]
#[expect(
    clippy::expect_used,
    reason = "a component outside of the page is a mistake in this crate"
)]
pub fn use_store() -> Store {
    use_context::<Store>().expect("components are drawn inside of the page")
}
