//! A JSON object whose members stay in the order in which they came.

use serde::ser::{Serialize, SerializeMap as _, Serializer};

#[derive(Debug)]
pub struct Ordered<V>(Vec<(String, V)>);

impl<V> Default for Ordered<V> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<V> Ordered<V> {
    pub fn contains(&self, name: &str) -> bool {
        self.0.iter().any(|(other, _)| other == name)
    }

    pub fn push(&mut self, name: String, value: V) {
        self.0.push((name, value));
    }

    pub fn into_values(self) -> Vec<V> {
        self.0.into_iter().map(|(_, value)| value).collect()
    }

    #[cfg(test)]
    pub fn iter(&self) -> impl Iterator<Item = (&str, &V)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }
}

impl<V: Default> Ordered<V> {
    /// The value of a name, which gets one if it has none.
    pub fn of(&mut self, name: String) -> &mut V {
        let at = self.0.iter().position(|(other, _)| *other == name);
        let at = at.unwrap_or_else(|| {
            self.0.push((name, V::default()));
            self.0.len() - 1
        });
        &mut self.0[at].1
    }
}

impl<V: Serialize> Serialize for Ordered<V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}
