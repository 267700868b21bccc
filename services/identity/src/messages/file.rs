//! Messages as lines of a file, one JSON object each.

use std::path::PathBuf;
use std::sync::Arc;

use lutong_kernel::phone::Mobile;
use lutong_operating::private;
use serde_json::json;
use tokio::fs::OpenOptions;
use tokio::io::AsyncWriteExt as _;
use tokio::sync::Mutex;

use super::{Message, SendFailure};

#[derive(Debug, Clone)]
pub struct FileSender {
    path: PathBuf,
    /// One line at a time.
    turn: Arc<Mutex<()>>,
}

impl FileSender {
    pub fn new(path: PathBuf) -> Self {
        Self {
            path,
            turn: Arc::default(),
        }
    }

    pub async fn send(&self, to: &Mobile, message: &Message) -> Result<(), SendFailure> {
        let line = json!({"to": to.expose(), "template": message.template(), "text": message.text()});
        let _turn = self.turn.lock().await;
        self.append(&format!("{line}\n")).await.map_err(|error| {
            tracing::error!(file = %self.path.display(), %error, "messages cannot be written");
            SendFailure::File
        })
    }

    async fn append(&self, line: &str) -> std::io::Result<()> {
        if let Some(folder) = self.path.parent() {
            private::create_folder(folder)?;
        }
        let mut file = OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(&self.path)
            .await?;
        file.write_all(line.as_bytes()).await?;
        file.flush().await
    }
}
