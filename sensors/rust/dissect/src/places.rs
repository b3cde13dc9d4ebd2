//! Where flows are kept: pages that stay where they are, so that a table that grows moves and copies nothing.

use crate::flow::Flow;

/// Flows on a page: a mebibyte.
const PAGE: usize = 4_096;

/// Flows by their places, which count from 0.
#[derive(Default)]
pub struct Places {
    pages: Vec<Vec<Flow>>,
}

impl Places {
    /// The flow at a place.
    #[inline]
    #[must_use]
    pub fn get(&self, place: u32) -> Option<&Flow> {
        let place = place as usize;
        self.pages.get(place / PAGE)?.get(place % PAGE)
    }

    /// The flow at a place, to change.
    #[inline]
    pub fn get_mut(&mut self, place: u32) -> Option<&mut Flow> {
        let place = place as usize;
        self.pages.get_mut(place / PAGE)?.get_mut(place % PAGE)
    }

    /// Put a flow at the first place that was never used; return it.
    pub fn push(&mut self, flow: Flow) -> u32 {
        if self.pages.last().is_none_or(|page| page.len() == PAGE) {
            self.pages.push(Vec::with_capacity(PAGE));
        }
        let before = (self.pages.len() - 1) * PAGE;
        self.pages.last_mut().map_or(0, |page| {
            page.push(flow);
            (before + page.len() - 1) as u32
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{PAGE, Places};
    use crate::kit::{flow, segment};
    use crate::segment::Segment;

    #[test]
    fn flows_stay_where_they_were_put() {
        let mut places = Places::default();
        for number in 0..=2 * PAGE as u32 {
            let segment = Segment {
                ts_ns: i64::from(number),
                ..segment(50_000)
            };
            assert_eq!(places.push(flow(&segment)), number);
        }
        for number in [0, PAGE as u32 - 1, PAGE as u32, 2 * PAGE as u32] {
            assert_eq!(places.get(number).unwrap().first_ns, i64::from(number));
        }
        assert!(places.get(2 * PAGE as u32 + 1).is_none());
        places.get_mut(7).unwrap().first_ns = 70;
        assert_eq!(places.get(7).unwrap().first_ns, 70);
    }
}
