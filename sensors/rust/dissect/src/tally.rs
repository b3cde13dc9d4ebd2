//! Counts by name: adding is an array's addition, and the names matter only when somebody asks.
//!
//! The names are known beforehand, as the variants of an enum; their order is alphabetical, so that counts
//! come out sorted.

use crate::gaps::Count;

/// What is counted: the variants of an enum, each with the name that its count goes by.
pub trait Named: Copy {
    /// One count for each variant.
    type Counts: AsRef<[Count]> + AsMut<[Count]>;
    /// Nothing counted yet.
    const ZERO: Self::Counts;
    /// The names, in the order of the variants.
    const NAMES: &'static [&'static str];

    /// The variant's place in that order.
    fn index(self) -> usize;
}

/// A count for each variant.
pub struct Tallies<N: Named>(N::Counts);

impl<N: Named> Default for Tallies<N> {
    fn default() -> Self {
        Self(N::ZERO)
    }
}

impl<N: Named> Tallies<N> {
    /// Count more of one.
    #[inline]
    pub fn add(&mut self, name: N, more: Count) {
        if let Some(count) = self.0.as_mut().get_mut(name.index()) {
            count.add(more);
        }
    }

    /// What was counted, by name; names under which nothing was counted are left out.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, Count)> {
        let counts = self.0.as_ref().iter().copied();
        let named = N::NAMES.iter().copied().zip(counts);
        named.filter(|(_, count)| count.packets > 0)
    }
}

/// Declares an enum whose variants are `Named`.
macro_rules! named {
    ($(#[$meta:meta])* $name:ident { $($variant:ident = $text:literal,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $name {
            $(#[doc = concat!("`", $text, "`")] $variant,)*
        }

        impl $crate::tally::Named for $name {
            type Counts = [$crate::gaps::Count; [$($text),*].len()];
            const ZERO: Self::Counts =
                [$crate::gaps::Count { packets: 0, bytes: 0 }; [$($text),*].len()];
            const NAMES: &'static [&'static str] = &[$($text),*];

            #[inline]
            fn index(self) -> usize {
                self as usize
            }
        }
    };
}
pub(crate) use named;

#[cfg(test)]
mod tests {
    use super::{Named, Tallies};
    use crate::flowless::Protocol;
    use crate::gaps::Count;
    use crate::undecoded::Undecoded;

    #[test]
    fn names_are_in_alphabetical_order() {
        for names in [Protocol::NAMES, Undecoded::NAMES] {
            assert!(names.is_sorted(), "{names:?}");
        }
    }

    #[test]
    fn only_what_was_counted_comes_out() {
        let mut tallies = Tallies::<Protocol>::default();
        assert_eq!(tallies.iter().next(), None);
        let one = Count {
            packets: 1,
            bytes: 60,
        };
        for name in [Protocol::Vtp, Protocol::Arp, Protocol::Vtp] {
            tallies.add(name, one);
        }
        let two = Count {
            packets: 2,
            bytes: 120,
        };
        assert!(tallies.iter().eq([("arp", one), ("vtp", two)]));
    }
}
