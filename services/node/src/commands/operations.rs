//! Waiting for work that goes on by itself in the mesh.

use std::io::IsTerminal as _;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use lutong_proto::risk_rules::v1::GetOperationRequest;
use lutong_proto::risk_rules::v1::operation_service_client::OperationServiceClient;
use lutong_proto::types::v1::{Operation, OperationState};

use super::Failure;
use super::client::{Calls, failed};

const POLL: Duration = Duration::from_millis(200);

/// Follows an operation to its end, with a bar on a terminal. One that did not succeed is a failure.
pub async fn follow(calls: Calls, name: &str) -> Result<Operation, Failure> {
    let mut client = OperationServiceClient::new(calls);
    let bar = if std::io::stderr().is_terminal() {
        ProgressBar::new(0)
    } else {
        ProgressBar::hidden()
    };
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos}/{len} {elapsed}") {
        bar.set_style(style);
    }
    loop {
        let request = GetOperationRequest {
            name: name.to_owned(),
        };
        let answer = client.get_operation(request).await;
        let answer = answer.map_err(|status| failed(&status))?.into_inner();
        let operation = answer.operation.unwrap_or_default();
        let progress = operation.progress.unwrap_or_default();
        bar.set_length(u64::try_from(progress.total.unwrap_or_default()).unwrap_or_default());
        bar.set_position(u64::try_from(progress.done).unwrap_or_default());
        match operation.state() {
            OperationState::Succeeded => {
                bar.finish_and_clear();
                return Ok(operation);
            }
            OperationState::Failed | OperationState::Cancelled => {
                bar.finish_and_clear();
                let state = operation.state().as_str_name();
                return Err(Failure::Because(format!("{name}: {state}")));
            }
            OperationState::Unspecified | OperationState::Queued | OperationState::Running => {}
        }
        tokio::time::sleep(POLL).await;
    }
}
