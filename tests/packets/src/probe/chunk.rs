//! As much of SCTP as a probe needs: INIT and its answer. Not every kernel has SCTP sockets, and
//! netfilter tracks its packets all the same.

/// Ports and sort of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet {
    /// Source port.
    pub from: u16,
    /// Destination port.
    pub to: u16,
    /// The verification tag of the header.
    pub tag: u32,
    /// The sort of the first chunk.
    pub kind: u8,
    /// The tag that the sender wants to be addressed with, in INIT and INIT ACK.
    pub initiate: u32,
}

/// INIT, which opens an association.
pub const INIT: u8 = 1;

/// INIT ACK, which answers it.
pub const INIT_ACK: u8 = 2;

/// Common header, chunk header, fixed part of INIT.
const INIT_LENGTH: usize = 12 + 20;

/// The parameter that INIT ACK must have.
const STATE_COOKIE: [u8; 8] = [0, 7, 0, 8, b'p', b'c', b'l', b'.'];

impl Packet {
    /// The bytes of the packet.
    pub fn bytes(&self) -> Vec<u8> {
        let cookie: &[u8] = if self.kind == INIT_ACK { &STATE_COOKIE } else { &[] };
        let chunk_length = u16::try_from(20 + cookie.len()).unwrap_or_default();
        let mut bytes = Vec::with_capacity(INIT_LENGTH + cookie.len());
        bytes.extend(self.from.to_be_bytes());
        bytes.extend(self.to.to_be_bytes());
        bytes.extend(self.tag.to_be_bytes());
        bytes.extend([0; 4]);
        bytes.extend([self.kind, 0]);
        bytes.extend(chunk_length.to_be_bytes());
        bytes.extend(self.initiate.to_be_bytes());
        // Window, numbers of streams out and in, first sequence number.
        bytes.extend(65_536_u32.to_be_bytes());
        bytes.extend([0, 1, 0, 1]);
        bytes.extend(1_u32.to_be_bytes());
        bytes.extend(cookie);
        let sum = crc32c(&bytes).to_le_bytes();
        bytes.iter_mut().skip(8).zip(sum).for_each(|(slot, byte)| *slot = byte);
        bytes
    }

    /// A packet of bytes after the IP header; none if they are too few.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let (from, to) = read_ports(bytes)?;
        let word = |at: usize| {
            let word = bytes.get(at..at + 4)?;
            word.try_into().ok().map(u32::from_be_bytes)
        };
        Some(Self { from, to, tag: word(4)?, kind: *bytes.get(12)?, initiate: word(16)? })
    }
}

/// Source and destination port, which is also all that errors quote for certain.
pub fn read_ports(bytes: &[u8]) -> Option<(u16, u16)> {
    let (from, rest) = bytes.split_first_chunk()?;
    let to = rest.first_chunk()?;
    Some((u16::from_be_bytes(*from), u16::from_be_bytes(*to)))
}

/// The checksum of SCTP (Castagnoli's), without which the kernel would call the packet invalid.
fn crc32c(bytes: &[u8]) -> u32 {
    let step = |crc: u32, _| if crc & 1 == 1 { (crc >> 1) ^ 0x82F6_3B78 } else { crc >> 1 };
    !bytes.iter().fold(u32::MAX, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), step))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksum_is_that_of_the_standard() {
        assert_eq!(crc32c(b"123456789"), 0xE306_9283);
    }

    #[test]
    fn packets_are_read_as_written() {
        let packet = Packet { from: 5, to: 7, tag: 9, kind: INIT_ACK, initiate: 11 };
        assert_eq!(Packet::read(&packet.bytes()), Some(packet));
        assert_eq!(packet.bytes().len(), INIT_LENGTH + STATE_COOKIE.len());
    }
}
