//! What the command line asks for.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

const USAGE: &str =
    "usage: sender INTERFACE CAPTURE RATE SECONDS (packets a second, 0: as many as go)";
/// So that a sender that was forgotten ends.
const MAX_SECONDS: f64 = 7_200.0;

pub struct Options {
    pub interface: String,
    pub capture: PathBuf,
    /// Packets a second; `None` for as many as go.
    pub rate: Option<f64>,
    pub duration: Duration,
}

impl Options {
    pub fn parse(arguments: impl Iterator<Item = OsString>) -> Result<Self, String> {
        let arguments: Vec<OsString> = arguments.collect();
        let [interface, capture, rate, seconds] = arguments.as_slice() else {
            return Err(USAGE.to_owned());
        };
        let rate = number(rate, "RATE")?;
        let seconds = number(seconds, "SECONDS")?;
        if seconds > MAX_SECONDS {
            return Err(format!("SECONDS may be {MAX_SECONDS} at most"));
        }
        Ok(Self {
            interface: interface.to_string_lossy().into_owned(),
            capture: capture.into(),
            rate: (rate > 0.0).then_some(rate),
            duration: Duration::from_secs_f64(seconds),
        })
    }
}

fn number(text: &OsString, name: &str) -> Result<f64, String> {
    let number = text.to_str().and_then(|text| text.parse::<f64>().ok());
    number
        .filter(|number| number.is_finite() && *number >= 0.0)
        .ok_or_else(|| format!("{name} must be a number, 0 or more; {USAGE}"))
}

#[cfg(test)]
mod tests {
    use super::Options;

    fn parse(line: &str) -> Result<Options, String> {
        Options::parse(line.split(' ').map(Into::into))
    }

    #[test]
    fn all_four_are_needed_and_sane() {
        let options = parse("v0 a.pcap 1000 2.5").unwrap_or_else(|problem| panic!("{problem}"));
        assert_eq!(
            (options.rate, options.duration.as_millis()),
            (Some(1000.0), 2_500)
        );
        assert!(parse("v0 a.pcap 0 1").is_ok_and(|options| options.rate.is_none()));
        for line in [
            "v0 a.pcap 1000",
            "v0 a 1 x",
            "v0 a -1 1",
            "v0 a nan 1",
            "v0 a 1 1e9",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
