//! Where a replay's observations go: out as they are, or through the filter.

use correlate::Filter;
use correlate::encode::Encoder as CountEncoder;
use dissect::encode::Encoder;
use dissect::observations::Observation;

/// What takes observations and gives batches of encoded values.
pub enum Sink {
    /// All of them.
    Observations {
        /// Those that wait.
        waiting: Vec<Observation>,
        /// Writes them.
        encoder: Encoder,
    },
    /// The connections and gaps that they lead to; what no policy can care about is only counted.
    Connections(Box<Filter>),
}

impl Default for Sink {
    fn default() -> Self {
        Self::Observations {
            waiting: Vec::new(),
            encoder: Encoder::default(),
        }
    }
}

impl Sink {
    /// Take observations in order; `tunnels` are the decoder's tunnel names.
    pub fn take(&mut self, observations: Vec<Observation>, tunnels: &[String]) {
        match self {
            Self::Observations { waiting, .. } if waiting.is_empty() => *waiting = observations,
            Self::Observations { waiting, .. } => waiting.extend(observations),
            Self::Connections(filter) => filter.take(observations, tunnels),
        }
    }

    /// How many values wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        match self {
            Self::Observations { waiting, .. } => waiting.len(),
            Self::Connections(filter) => filter.waiting(),
        }
    }

    /// The values that wait, as a msgpack array.
    pub fn batch(&mut self, tunnels: &[String]) -> Vec<u8> {
        match self {
            Self::Observations { waiting, encoder } => {
                encoder.observations(waiting, tunnels);
                waiting.clear();
                encoder.take()
            }
            Self::Connections(filter) => filter.batch(),
        }
    }

    /// What was only counted since the last call, as a msgpack map; `None` where everything is handed out.
    pub fn counted(&mut self) -> Option<Vec<u8>> {
        match self {
            Self::Observations { .. } => None,
            Self::Connections(filter) => Some(CountEncoder::default().counted(&filter.counted())),
        }
    }
}
