//! Where a password comes from: a prompt without echo, a file or the environment. Never the command line, which others can read.

use crate::engine::EngineError;
use crate::model::valid::{Invalid, Problem};
use std::str::FromStr;

/// `interactive:`, `file:PATH` or `env:NAME`
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    Interactive,
    File(String),
    Environment(String),
}

impl FromStr for Source {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            Some(("interactive", "")) => Ok(Self::Interactive),
            Some(("file", path)) if !path.is_empty() => Ok(Self::File(path.to_owned())),
            Some(("env", name)) if !name.is_empty() => Ok(Self::Environment(name.to_owned())),
            Some(("pass", _)) => Err("a password on the command line can be read by everybody here; use \
                                      interactive:, file:PATH or env:NAME"
                .to_owned()),
            _ => Err("use interactive:, file:PATH or env:NAME".to_owned()),
        }
    }
}

impl Source {
    /// The password, without the line's end.
    ///
    /// # Errors
    /// It cannot be read, or was typed differently the second time.
    pub fn read(&self) -> Result<String, EngineError> {
        let failed = |from: &str, why: String| {
            let because = format!("cannot be read from {from}: {why}");
            EngineError::from(Invalid::new("password", Problem::Other { because }))
        };
        match self {
            Self::Environment(name) => {
                std::env::var(name).map_err(|_| failed(&format!("env:{name}"), "it is not set".to_owned()))
            }
            Self::File(path) => {
                let text = std::fs::read_to_string(path).map_err(|e| failed(path, e.to_string()))?;
                Ok(text.lines().next().unwrap_or_default().to_owned())
            }
            Self::Interactive => {
                let prompt = |text| rpassword::prompt_password(text).map_err(|e| failed("the terminal", e.to_string()));
                let first = prompt("New password: ")?;
                if prompt("New password again: ")? != first {
                    return Err(Invalid::new("password", Problem::NotRepeated).into());
                }
                Ok(first)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_never_stands_on_the_command_line() {
        assert_eq!("interactive:".parse(), Ok(Source::Interactive));
        assert_eq!("file:/run/secret".parse(), Ok(Source::File("/run/secret".to_owned())));
        assert_eq!("env:PW".parse(), Ok(Source::Environment("PW".to_owned())));
        for bad in ["pass:secret", "secret", "file:", ""] {
            assert!(bad.parse::<Source>().is_err(), "{bad}");
        }
    }
}
