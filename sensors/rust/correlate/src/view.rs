//! The names that one asker was told for one address, and for how long each counted.
//!
//! The mirror of `View` in `monitor/resolutions.py`. What was told is kept once, and shared by all views and
//! lifetimes that it led to.

use std::cmp::Reverse;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use dissect::flows::SECOND_NS;
use smallvec::SmallVec;

use crate::interest::Interest;

/// Clients go on using an answer for a while after its TTL (browsers: one minute).
pub const GRACE_NS: i64 = 60 * SECOND_NS;
/// RFC 8767 section 4: a longer TTL is not believed.
pub const MAX_TTL_SECONDS: u32 = 7 * 86_400;

// What CPython needs, measured; the texts come on top. The bounds of both engines are the same, so that they
// forget the same names.
/// Of a view.
pub const ADDRESS_BYTES: usize = 500;
const LIFETIME_BYTES: usize = 300;
const ALIAS_BYTES: usize = 60;

/// A name, and the alias chain that led from it to an address.
#[derive(Debug)]
pub struct Told {
    /// The name asked for.
    pub name: String,
    /// Its aliases, in order.
    pub cnames: Vec<String>,
    /// Twice the edition of the interest that it was held against, and one more where it fits.
    fits: AtomicU32,
}

impl Told {
    /// What an answer says.
    #[must_use]
    pub const fn new(name: String, cnames: Vec<String>) -> Self {
        let fits = AtomicU32::new(0);
        Self { name, cnames, fits }
    }

    /// Whether the name or an alias of it is one of those cared for; looked up once for each edition.
    pub fn fits(&self, interest: &Interest) -> bool {
        let known = self.fits.load(Ordering::Relaxed);
        if known >> 1 == interest.edition() {
            return known & 1 == 1;
        }
        let fits = interest.fits_name(&self.name)
            || self.cnames.iter().any(|alias| interest.fits_name(alias));
        let known = interest.edition() << 1 | u32::from(fits);
        self.fits.store(known, Ordering::Relaxed);
        fits
    }

    /// Whether it is the name itself, or an alias of it.
    #[must_use]
    pub fn leads_to(&self, name: &str) -> bool {
        self.name == name || self.cnames.iter().any(|alias| alias == name)
    }

    /// About how many bytes a lifetime of it takes.
    fn held_bytes(&self) -> usize {
        let aliases = self.cnames.iter().map(|alias| ALIAS_BYTES + alias.len());
        LIFETIME_BYTES + self.name.len() + aliases.sum::<usize>()
    }
}

/// When an answer counted: from its arrival until its TTL was over.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    /// From when.
    pub since_ns: i64,
    /// To when.
    pub until_ns: i64,
}

impl Span {
    /// The span of an answer.
    #[must_use]
    pub fn new(ts_ns: i64, ttl: u32) -> Self {
        let ttl_ns = i64::from(ttl.min(MAX_TTL_SECONDS)) * SECOND_NS;
        Self {
            since_ns: ts_ns,
            until_ns: ts_ns.saturating_add(ttl_ns),
        }
    }

    /// Whether the answer still counts at a moment after its arrival.
    #[must_use]
    pub const fn counts_at(&self, ts_ns: i64) -> bool {
        ts_ns <= self.until_ns.saturating_add(GRACE_NS)
    }
}

struct Lifetime {
    span: Span,
    told: Arc<Told>,
}

/// The lifetimes of one name, in the order of their arrival. There is at least one.
type Lifetimes = SmallVec<[Lifetime; 1]>;

/// A name that the address had, and whether it still counted at the moment asked for.
#[derive(Clone, Copy, Debug)]
pub struct Resolved<'a> {
    /// The name with its aliases.
    pub told: &'a Told,
    /// Since when.
    pub since_ns: i64,
    /// Whether it counted.
    pub live: bool,
}

/// The names that an address had at one moment.
pub type Names<'a> = SmallVec<[Resolved<'a>; 4]>;

/// How many names of one address, and how many lifetimes of one name, are kept.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Of one address for one asker.
    pub names: usize,
    /// Of one name at one address.
    pub lifetimes: usize,
}

/// The names that one asker was told for one address, the latest last.
pub struct View {
    /// What they take.
    pub held_bytes: usize,
    /// What the bounds dropped here.
    pub forgotten: u64,
    names: SmallVec<[Lifetimes; 1]>,
}

impl Default for View {
    fn default() -> Self {
        Self {
            held_bytes: ADDRESS_BYTES,
            forgotten: 0,
            names: SmallVec::new(),
        }
    }
}

impl View {
    /// How many names there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// Remember an answer.
    pub fn add(&mut self, told: &Arc<Told>, span: Span, bounds: Bounds) {
        let known = self.names.iter().position(|one| name_of(one) == told.name);
        let mut lifetimes = known.map_or_else(SmallVec::new, |at| self.names.remove(at));
        let extended = extend(&mut lifetimes, told, span);
        if !extended {
            lifetimes.push(Lifetime {
                span,
                told: Arc::clone(told),
            });
            self.held_bytes += told.held_bytes();
            if lifetimes.len() > bounds.lifetimes {
                let oldest = lifetimes.remove(0);
                self.forget(&[oldest]);
            }
        }
        if !lifetimes.is_empty() {
            self.names.push(lifetimes);
        }
        if self.names.len() > bounds.names {
            let oldest = self.names.remove(0);
            self.forget(&oldest);
        }
    }

    /// The names that the address had at that moment: live ones first, the latest first.
    #[must_use]
    pub fn at(&self, ts_ns: i64) -> Names<'_> {
        let mut found = Names::new();
        for lifetimes in &self.names {
            if let Some(life) = latest(lifetimes, ts_ns) {
                found.push(Resolved {
                    told: &life.told,
                    since_ns: life.span.since_ns,
                    live: life.span.counts_at(ts_ns),
                });
            }
        }
        found.sort_by(|one, other| {
            let order = |each: &Resolved<'_>| (Reverse(each.live), Reverse(each.since_ns));
            let order = order(one).cmp(&order(other));
            order.then_with(|| one.told.name.cmp(&other.told.name))
        });
        found
    }

    fn forget(&mut self, lifetimes: &[Lifetime]) {
        self.forgotten += 1;
        let held = lifetimes.iter().map(|life| life.told.held_bytes());
        self.held_bytes = self.held_bytes.saturating_sub(held.sum());
    }
}

/// The lifetime that began last before a moment.
fn latest(lifetimes: &Lifetimes, ts_ns: i64) -> Option<&Lifetime> {
    let known = lifetimes.iter().rev(); // the last of equals: the first that came
    let known = known.filter(|life| life.span.since_ns <= ts_ns);
    known.max_by_key(|life| (life.span.since_ns, &life.told.cnames))
}

fn name_of(lifetimes: &Lifetimes) -> &str {
    lifetimes.first().map_or("", |life| &life.told.name)
}

/// Let the last lifetime go on, where an answer says the same while it still counts.
fn extend(lifetimes: &mut Lifetimes, told: &Told, span: Span) -> bool {
    let Some(last) = lifetimes.last_mut() else {
        return false;
    };
    let goes_on = last.told.cnames == told.cnames
        && last.span.since_ns <= span.since_ns
        && last.span.counts_at(span.since_ns);
    if goes_on {
        last.span.until_ns = last.span.until_ns.max(span.until_ns);
    }
    goes_on
}
