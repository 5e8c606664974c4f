//! Fewer regions of the same packets.

use super::super::regions::Region;
use super::super::space::Space;

/// The same packets in fewer regions: those that differ in one part alone are one.
pub fn merged(regions: &[Region]) -> Vec<Region> {
    let mut all = regions.to_vec();
    merge(
        &mut all,
        |region| std::mem::replace(&mut region.source, Space::empty()),
        |region, part| {
            region.source = region.source.union(part);
        },
    );
    merge(
        &mut all,
        |region| std::mem::replace(&mut region.destination, Space::empty()),
        |region, part| region.destination = region.destination.union(part),
    );
    merge(
        &mut all,
        |region| std::mem::take(&mut region.conns),
        |region, part| {
            region.conns = region.conns.union(part);
        },
    );
    all
}

fn merge<T: Clone>(
    all: &mut Vec<Region>,
    take: impl Fn(&mut Region) -> T,
    add: impl Fn(&mut Region, &T),
) {
    let mut rest: Vec<(Region, Vec<T>)> = Vec::with_capacity(all.len());
    for mut region in all.drain(..) {
        let part = take(&mut region);
        match rest.iter_mut().find(|(other, _)| *other == region) {
            Some((_, parts)) => parts.push(part),
            None => rest.push((region, vec![part])),
        }
    }
    *all = rest
        .into_iter()
        .map(|(mut region, parts)| {
            parts.iter().for_each(|part| add(&mut region, part));
            region
        })
        .collect();
}
