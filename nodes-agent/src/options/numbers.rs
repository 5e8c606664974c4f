//! Numbers as the kernel takes them.

/// What xt_limit divides a second into, and the most packets a second that iptables takes with
/// twice as many at once.
const TICKS: u32 = 10_000;
const MOST_LOGGED: u32 = 5_000;

/// A rate that the kernel can keep: it counts in ten-thousandths of a second, and that is what is
/// read back from it. Another one would look like a rule that somebody has changed.
pub fn rate(text: &str) -> Result<u32, String> {
    match text.parse() {
        Ok(rate @ 1..=MOST_LOGGED) => Ok(TICKS / (TICKS / rate)),
        _ => Err(format!("`{text}` is not a number from 1 to {MOST_LOGGED}")),
    }
}

/// A number, in hexadecimal after `0x`.
pub fn mark(text: &str) -> Result<u32, String> {
    let number = match text.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16),
        None => text.parse(),
    };
    let number = number.map_err(|_| format!("`{text}` is not a valid 32-bit number"))?;
    let one = number.count_ones() == 1;
    one.then_some(number).ok_or_else(|| format!("`{text}` is not exactly one bit"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_those_that_iptables_prints() {
        for (given, kept) in [("1", 1), ("10", 10), ("300", 303), ("3000", 3333), ("5000", 5000)] {
            assert_eq!(rate(given), Ok(kept));
            assert_eq!(rate(&kept.to_string()), Ok(kept), "what is kept stays");
        }
        for wrong in ["0", "5001", "-1", "x", ""] {
            let message = format!("`{wrong}` is not a number from 1 to 5000");
            assert_eq!(rate(wrong), Err(message));
        }
    }
}
