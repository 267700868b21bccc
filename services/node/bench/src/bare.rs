//! The baseline for showing codes: a bare tonic server without any layer, which answers the same message at once.

use lutong_proto::code_rendering::v1::code_service_server::{CodeService, CodeServiceServer};
use lutong_proto::code_rendering::v1::{
    ApplyBindingsRequest, ApplyBindingsResponse, ApplyDecisionsRequest, ApplyDecisionsResponse,
    BatchGetColoursRequest, BatchGetColoursResponse, ShowCodeRequest, ShowCodeResponse,
};
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};

use lutong_client::Failure;

struct Echo;

#[tonic::async_trait]
impl CodeService for Echo {
    async fn batch_get_colours(
        &self,
        _: Request<BatchGetColoursRequest>,
    ) -> Result<Response<BatchGetColoursResponse>, Status> {
        Ok(Response::new(BatchGetColoursResponse::default()))
    }

    async fn apply_decisions(
        &self,
        _: Request<ApplyDecisionsRequest>,
    ) -> Result<Response<ApplyDecisionsResponse>, Status> {
        Ok(Response::new(ApplyDecisionsResponse::default()))
    }

    async fn apply_bindings(
        &self,
        _: Request<ApplyBindingsRequest>,
    ) -> Result<Response<ApplyBindingsResponse>, Status> {
        Ok(Response::new(ApplyBindingsResponse::default()))
    }

    async fn show_code(
        &self,
        request: Request<ShowCodeRequest>,
    ) -> Result<Response<ShowCodeResponse>, Status> {
        Ok(Response::new(ShowCodeResponse {
            token: request.into_inner().subject_id,
            ..ShowCodeResponse::default()
        }))
    }
}

pub struct BareServer {
    pub base: String,
    serving: tokio::task::JoinHandle<()>,
}

impl BareServer {
    pub fn serve() -> Result<Self, Failure> {
        let incoming = TcpIncoming::bind(([127, 0, 0, 1], 0).into())
            .map_err(|error| Failure::Because(error.to_string()))?;
        let incoming = incoming.with_nodelay(Some(true));
        let address = incoming.local_addr()?;
        let serving = Server::builder()
            .add_service(CodeServiceServer::new(Echo))
            .serve_with_incoming(incoming);
        Ok(Self {
            base: format!("http://{address}"),
            serving: tokio::spawn(async move {
                if let Err(error) = serving.await {
                    lutong_client::output::complain(format_args!("the bare server ended: {error}"));
                }
            }),
        })
    }
}

impl Drop for BareServer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}
