//! The text of an example, at the foot of the editor until it is closed.

use yew::prelude::*;

use super::{Example, find};
use crate::state::{Action, Store, use_store};
use crate::text::fill;

#[component]
pub fn Lesson() -> Html {
    let store = use_store();
    let Some(example) = store.work.example.and_then(find).filter(|_| store.lesson) else {
        return html! {};
    };
    let text = store.text();
    let onclick = {
        let store = store.clone();
        move |_: MouseEvent| store.dispatch(Action::ShowLesson(false))
    };
    html! {
        <aside class="lesson-text" aria-label={text.lesson}>
            <button class="lesson-close" aria-label={text.close} {onclick}>{ "×" }</button>
            <div class="lesson-body" tabindex="0" role="group" aria-label={text.lesson}>
                <h2>{ store.language.of(&example.title) }</h2>
                { for blocks(store.language.of::<&str>(&example.lesson)).iter().map(draw) }
                { goal(&store, example) }
            </div>
        </aside>
    }
}

/// What is to be reached, and how near that is.
fn goal(store: &Store, example: &Example) -> Html {
    let (text, all) = (store.text(), example.goal.flows.len());
    let is_met = store.is_goal_met();
    let said = match store.goal {
        None => String::new(),
        Some(_) if is_met => text.goal_met.to_owned(),
        Some(met) => fill(text.goal_open, &[("n", &met.to_string()), ("all", &all.to_string())]),
    };
    html! {
        <div class={classes!("lesson-goal", is_met.then_some("is-met"))}>
            <b>{ text.goal }</b>{ " " }{ inline(store.language.of::<&str>(&example.goal.text)) }
            <span class="lesson-goal-state" role="status">{ said }</span>
        </div>
    }
}

/// What lessons are written in: paragraphs and code, after a title that the page has already.
#[derive(Debug, PartialEq)]
enum Block<'t> {
    Paragraph(&'t str),
    Code(&'t str),
}

fn blocks(text: &str) -> Vec<Block<'_>> {
    let mut blocks = Vec::new();
    for (i, part) in text.split("```").enumerate() {
        if i % 2 == 1 {
            // The first line names the language.
            blocks.push(Block::Code(part.split_once('\n').map_or("", |(_, code)| code).trim_end()));
            continue;
        }
        let paragraphs = part.split("\n\n").map(str::trim);
        let paragraphs = paragraphs.filter(|text| !text.is_empty() && !text.starts_with("# "));
        blocks.extend(paragraphs.map(Block::Paragraph));
    }
    blocks
}

fn draw(block: &Block<'_>) -> Html {
    match block {
        Block::Paragraph(text) => html! { <p>{ inline(text) }</p> },
        Block::Code(code) => html! { <pre tabindex="0">{ code.to_string() }</pre> },
    }
}

/// `code`, **strong** and *stressed* words; everything else as it stands.
pub fn inline(text: &str) -> Html {
    for mark in ["`", "**", "*"] {
        let Some((before, rest)) = text.split_once(mark) else {
            continue;
        };
        let Some((marked, after)) = rest.split_once(mark) else {
            continue;
        };
        let marked = match mark {
            "`" => html! { <code>{ marked.to_owned() }</code> },
            "**" => html! { <b>{ inline(marked) }</b> },
            _ => html! { <em>{ inline(marked) }</em> },
        };
        return html! { <>{ inline(before) }{ marked }{ inline(after) }</> };
    }
    html! { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lesson_is_paragraphs_and_code_without_its_title() {
        let text = "# Title\n\nOne `a`.\n\n```yaml\na: 1\n```\n\nTwo.\n";
        let expected =
            [Block::Paragraph("One `a`."), Block::Code("a: 1"), Block::Paragraph("Two.")];
        assert_eq!(blocks(text), expected);
    }
}
