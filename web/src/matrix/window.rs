//! Which rows and columns are in sight.

use web_sys::HtmlElement;

use super::At;

/// Width and height of a cell, with the space around it.
pub const CELL: (f64, f64) = (30.0, 26.0);
/// Height of the names of columns, and width of those of rows.
pub const HEAD: f64 = 120.0;
pub const NAMES: f64 = 172.0;
/// Cells beyond the edge that are drawn too, so that scrolling shows no gaps.
const MARGIN: usize = 4;

/// Rows and columns that are drawn: the first, and the one after the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    pub rows: (usize, usize),
    pub columns: (usize, usize),
}

impl Default for Window {
    fn default() -> Self {
        Self { rows: (0, 40), columns: (0, 40) }
    }
}

impl Window {
    pub fn of(area: &HtmlElement) -> Self {
        let span = |from: i32, size: i32, cell: f64| {
            let first = (f64::from(from) / cell).floor().max(0.0) as usize;
            let shown = (f64::from(size) / cell).ceil().max(1.0) as usize;
            (first.saturating_sub(MARGIN), first + shown + MARGIN)
        };
        Self {
            rows: span(area.scroll_top(), area.client_height(), CELL.1),
            columns: span(area.scroll_left(), area.client_width(), CELL.0),
        }
    }
}

/// Scrolls so that a cell is in sight, clear of the names.
pub fn reveal(area: &HtmlElement, (row, column): At) {
    let towards = |now: i32, room: f64, place: f64, cell: f64| {
        let (now, end) = (f64::from(now), place + cell);
        if place < now {
            place
        } else if end > now + room {
            end - room
        } else {
            now
        }
    };
    let height = f64::from(area.client_height()) - HEAD;
    let width = f64::from(area.client_width()) - NAMES;
    let top = towards(area.scroll_top(), height, row as f64 * CELL.1, CELL.1);
    let left = towards(area.scroll_left(), width, column as f64 * CELL.0, CELL.0);
    area.set_scroll_top(top as i32);
    area.set_scroll_left(left as i32);
}
