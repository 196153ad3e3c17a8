//! Who counts as one.

use std::collections::BTreeMap;

use crate::Gift;
use crate::plan::Apart;

/// The number of the home of each gift, in the order of the gifts, and how many homes there are.
///
/// Gifts of the same person are one home. Where people are assigned to devices, everybody who shares a device is one home too: five people
/// around one meter have the same readings, and `k` of them would hide nobody.
pub(crate) fn homes(gifts: &[Gift], apart: Apart) -> (Vec<u32>, u32) {
    let mut joined = Joined((0..gifts.len()).collect());
    let mut people: BTreeMap<u32, usize> = BTreeMap::new();
    let mut sources: BTreeMap<u32, usize> = BTreeMap::new();
    for (gift, idx) in gifts.iter().zip(0..) {
        let first = *people.entry(gift.person).or_insert(idx);
        joined.join(first, idx);
        if apart == Apart::Homes {
            for row in &gift.rows {
                let first = *sources.entry(row.source).or_insert(idx);
                joined.join(first, idx);
            }
        }
    }
    let mut numbers: BTreeMap<usize, u32> = BTreeMap::new();
    let homes = (0..gifts.len()).map(|idx| {
        let root = joined.root(idx);
        let next = u32::try_from(numbers.len()).unwrap_or(u32::MAX);
        *numbers.entry(root).or_insert(next)
    });
    let homes: Vec<u32> = homes.collect();
    (homes, u32::try_from(numbers.len()).unwrap_or(u32::MAX))
}

/// Sets that are joined: each points to one that came before it, or to itself.
struct Joined(Vec<usize>);

impl Joined {
    fn root(&mut self, mut idx: usize) -> usize {
        loop {
            let up = self.0.get(idx).copied().unwrap_or(idx);
            if up == idx {
                return idx;
            }
            let further = self.0.get(up).copied().unwrap_or(up);
            if let Some(place) = self.0.get_mut(idx) {
                *place = further;
            }
            idx = up;
        }
    }

    fn join(&mut self, one: usize, other: usize) {
        let (one, other) = (self.root(one), self.root(other));
        if let Some(place) = self.0.get_mut(one.max(other)) {
            *place = one.min(other);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PoolRow;

    fn gift(person: u32, sources: &[u32]) -> Gift {
        let row = |source: &u32| PoolRow {
            source: *source,
            cells: Vec::new(),
        };
        Gift {
            person,
            rows: sources.iter().map(row).collect(),
        }
    }

    #[test]
    fn who_shares_a_device_is_one_home_where_people_are_assigned() {
        let gifts = [
            gift(1, &[7]),
            gift(2, &[8]),
            gift(3, &[9, 7]),
            gift(2, &[10]),
            gift(4, &[10]),
        ];
        assert_eq!(homes(&gifts, Apart::Homes), (vec![0, 1, 0, 1, 1], 2));
        assert_eq!(homes(&gifts, Apart::People), (vec![0, 1, 2, 1, 3], 4));
        assert_eq!(homes(&[], Apart::Homes), (Vec::new(), 0));
    }
}
