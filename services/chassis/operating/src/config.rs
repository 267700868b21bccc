//! Configuration: defaults, then a TOML file, then `LUTONG_*` variables, then flags. An unknown key is an error that
//! suggests the nearest known one.

use std::path::{Path, PathBuf};

use figment::Figment;
use figment::providers::{Env, Format as _, Serialized, Toml};
use figment::value::{Dict, Value};
use serde::Serialize;
use serde::de::DeserializeOwned;

#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("{path}: {reason}")]
    File { path: PathBuf, reason: String },
    #[error("{source_name}: there is no setting {key:?}{}", suggestion.as_ref().map(|s| format!("; did you mean {s:?}?")).unwrap_or_default())]
    UnknownKey {
        source_name: String,
        key: String,
        suggestion: Option<String>,
    },
    #[error("{key}: {reason}")]
    Value { key: String, reason: String },
}

/// Prefix of the variables; `LUTONG_GATEWAY__LISTEN` sets `gateway.listen`.
pub const PREFIX: &str = "LUTONG_";

/// Variables with the prefix that are not settings: the tests' own servers and failpoints.
const NOT_SETTINGS: [&str; 3] = ["LUTONG_TEST_", "LUTONG_FAILPOINT", "LUTONG_CONFIG"];

/// Reads a configuration. `known` is a configuration with every optional part filled in; it defines which keys exist.
pub fn load<T>(defaults: &T, known: &T, file: Option<&Path>, flags: Dict) -> Result<T, ConfigError>
where
    T: Serialize + DeserializeOwned,
{
    let known = keys_of(known);
    let mut figment = Figment::from(Serialized::defaults(defaults));
    if let Some(path) = file {
        let broken = |reason: String| ConfigError::File {
            path: path.to_owned(),
            reason,
        };
        let text = std::fs::read_to_string(path).map_err(|error| broken(error.to_string()))?;
        let table: toml::Table = text
            .parse()
            .map_err(|error: toml::de::Error| broken(error.to_string().trim_end().to_owned()))?;
        refuse_unknown(&path.display().to_string(), &keys_of(&table), &known)?;
        figment = figment.merge(Toml::string(&text));
    }
    let environment = Env::prefixed(PREFIX)
        .filter(|key| is_setting(key.as_str()))
        .split("__");
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with(PREFIX)) {
        let key = name.trim_start_matches(PREFIX).to_lowercase().replace("__", ".");
        if is_setting(&key) {
            refuse_unknown(&name, &[key], &known)?;
        }
    }
    figment = figment
        .merge(environment)
        .merge(Serialized::globals(Value::from(flags)));
    figment.extract().map_err(|error| {
        let key = error.path.join(".");
        ConfigError::Value {
            key: if key.is_empty() {
                "configuration".to_owned()
            } else {
                key
            },
            reason: error.kind.to_string(),
        }
    })
}

fn is_setting(key: &str) -> bool {
    let name = format!("{PREFIX}{}", key.to_uppercase());
    !NOT_SETTINGS.iter().any(|other| name.starts_with(other))
}

/// Dotted paths of all leaves; empty tables count as leaves.
fn keys_of<T: Serialize>(value: &T) -> Vec<String> {
    fn walk(value: &serde_json::Value, path: &str, keys: &mut Vec<String>) {
        match value {
            serde_json::Value::Object(map) if !map.is_empty() => {
                for (key, value) in map {
                    let path = if path.is_empty() {
                        key.clone()
                    } else {
                        format!("{path}.{key}")
                    };
                    walk(value, &path, keys);
                }
            }
            _ => keys.push(path.to_owned()),
        }
    }
    let mut keys = Vec::new();
    walk(&serde_json::to_value(value).unwrap_or_default(), "", &mut keys);
    keys
}

fn refuse_unknown(source_name: &str, given: &[String], known: &[String]) -> Result<(), ConfigError> {
    for key in given {
        let exists = known
            .iter()
            .any(|k| k == key || k.starts_with(&format!("{key}.")));
        if !exists && !key.is_empty() {
            let nearest = known
                .iter()
                .map(|k| (strsim::damerau_levenshtein(k, key), k))
                .min()
                .filter(|(distance, _)| *distance <= key.len().div_ceil(2));
            return Err(ConfigError::UnknownKey {
                source_name: source_name.to_owned(),
                key: key.clone(),
                suggestion: nearest.map(|(_, k)| k.clone()),
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    struct Config {
        data: String,
        gateway: Gateway,
        redis: Option<String>,
    }

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    struct Gateway {
        listen: String,
        limit: u32,
    }

    fn defaults() -> Config {
        Config {
            data: "d".into(),
            gateway: Gateway {
                listen: "127.0.0.1:1".into(),
                limit: 5,
            },
            redis: None,
        }
    }

    fn load_text(text: &str) -> Result<Config, ConfigError> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lutong.toml");
        std::fs::write(&path, text).unwrap();
        load(
            &defaults(),
            &Config {
                redis: Some(String::new()),
                ..defaults()
            },
            Some(&path),
            Dict::new(),
        )
    }

    #[test]
    fn a_file_overrides_the_defaults_and_leaves_the_rest() {
        let config = load_text("redis = \"redis://x\"\n[gateway]\nlimit = 9\n").unwrap();
        assert_eq!(
            config.gateway,
            Gateway {
                listen: "127.0.0.1:1".into(),
                limit: 9
            }
        );
        assert_eq!(config.redis.as_deref(), Some("redis://x"));
    }

    #[test]
    fn an_unknown_key_is_refused_with_the_nearest_known_one() {
        let error = load_text("[gateway]\nlisten_ = \"x\"\n").unwrap_err().to_string();
        assert!(
            error.contains("gateway.listen_") && error.contains("did you mean \"gateway.listen\""),
            "{error}"
        );
    }

    #[test]
    fn a_value_of_the_wrong_kind_names_its_key() {
        let error = load_text("[gateway]\nlimit = \"many\"\n")
            .unwrap_err()
            .to_string();
        assert!(error.starts_with("gateway.limit: "), "{error}");
    }

    #[test]
    fn a_broken_file_names_line_and_reason() {
        let error = load_text("[gateway\n").unwrap_err().to_string();
        assert!(error.contains("line 1"), "{error}");
    }
}
