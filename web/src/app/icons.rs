//! Drawings of a few lines.

use yew::prelude::*;

#[component]
pub fn Logo() -> Html {
    html! {
        <svg class="logo" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2"
            stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">
            <path d="M3 21V11a9 9 0 0 1 18 0v10" />
            <path stroke-width="1.6" d="M8 5.6V21M12 3v18M16 5.6V21M3.4 10.5h17.2M3.4 15.5h17.2" />
        </svg>
    }
}

#[derive(Properties, PartialEq)]
pub struct IconProps {
    pub path: AttrValue,
}

#[component]
pub fn Icon(props: &IconProps) -> Html {
    html! {
        <svg width="15" height="15" viewBox="0 0 16 16" fill="none" stroke="currentColor" stroke-width="1.4"
            stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">
            <path d={props.path.clone()} />
        </svg>
    }
}

pub const SHARE: &str = "M8 10V2M5 4.6 8 1.8l3 2.8M4.5 7.2H3v7h10v-7h-1.5";
pub const MOON: &str = "M13.5 9.8A6 6 0 0 1 6.2 2.5a6 6 0 1 0 7.3 7.3Z";
pub const SUN: &str = "M8 5.2a2.8 2.8 0 1 0 0 5.6 2.8 2.8 0 0 0 0-5.6ZM8 1.2v1.4M8 13.4v1.4M1.2 8h1.4M13.4 8h1.4M3.2 3.2l1 1M11.8 11.8l1 1M3.2 12.8l1-1M11.8 4.2l1-1";
pub const HALF: &str = "M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2ZM8 2v12M10.2 2.6v10.8M12.4 4.2v7.6";
pub const LANGUAGE: &str =
    "M2.5 4.5h11M8 2v2.5M4.8 4.5C5.6 8.5 8.6 11.9 13 13.6M11.2 4.5C10.4 8.5 7.4 11.9 3 13.6";

#[component]
pub fn Fit() -> Html {
    html! {
        <svg width="14" height="14" viewBox="0 0 16 16" fill="none" stroke="currentColor" stroke-width="1.5"
            stroke-linecap="round" aria-hidden="true">
            <path d="M2 6V2h4M14 6V2h-4M2 10v4h4M14 10v4h-4" />
        </svg>
    }
}
