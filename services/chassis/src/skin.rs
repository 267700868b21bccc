//! What stands between the wire and a handler: bounds, permit, request key, page. The handler traits of `lutong-skin`, made
//! from the contract, take these already checked, so that a forgotten check does not compile.

mod cursor;
mod page;

use futures::stream::BoxStream;
use futures::{StreamExt as _, TryStreamExt as _};
use lutong_kernel::{Fault, Violation};
use lutong_proto::bounds::Bounded;
use lutong_proto::requests::{self, Addressed, Paged, Repeatable, Target};
use tonic::{Request, Response, Status, Streaming};

use lutong_storage::idempotency::{Idempotency, RequestKey};
use lutong_transport::access::{Grant, Permit};
use lutong_transport::reply;
use lutong_transport::server::MessageBytes;
use lutong_transport::status;

pub use cursor::{Cursor, foreign as foreign_cursor};
pub use page::{Page, PageKey};

/// A read.
#[derive(Debug, Clone)]
pub struct Query<P> {
    pub grant: Grant,
    pub permit: P,
}

/// A page of a list.
#[derive(Debug, Clone)]
pub struct Listing<P> {
    pub grant: Grant,
    pub permit: P,
    pub page: Page,
}

/// Reading on in a log.
#[derive(Debug, Clone)]
pub struct Following<P> {
    pub grant: Grant,
    pub permit: P,
    pub from: Cursor,
}

/// A change, done once for each `request_id`.
#[derive(Debug, Clone)]
pub struct Mutation<P> {
    pub grant: Grant,
    pub permit: P,
    /// Claimed in the transaction of the effect ([`lutong_storage::idempotency::claim`]).
    pub request: RequestKey,
}

/// What a handler answers to a call with many answers.
pub type Answers<T> = BoxStream<'static, Result<T, Fault>>;

/// The same on its way to the client.
pub type Sent<T> = BoxStream<'static, Result<T, Status>>;

/// A use case's stream as a gRPC answer: a fault ends it with its status.
pub fn answer_stream<T: 'static>(result: Result<Answers<T>, Fault>) -> Result<Response<Sent<T>>, Status> {
    let sent = |answers: Answers<T>| Response::new(answers.map_err(status::from_fault).boxed());
    result.map(sent).map_err(status::from_fault)
}

/// What the generated services need besides their handler.
#[derive(Debug, Clone)]
pub struct Skin {
    requests: Idempotency,
    pages: PageKey,
}

impl Skin {
    pub fn new(requests: Idempotency, pages: PageKey) -> Self {
        Self { requests, pages }
    }

    pub fn query<P: Permit, M: Bounded + Addressed>(
        &self,
        request: Request<M>,
    ) -> Result<(Query<P>, M), Fault> {
        let (grant, message) = admitted(request)?;
        let permit = permitted(&grant, &message)?;
        Ok((Query { grant, permit }, message))
    }

    /// A stream: its messages are checked as they are read.
    pub fn stream<P: Permit, M>(
        &self,
        request: Request<Streaming<M>>,
    ) -> Result<(Query<P>, Streaming<M>), Fault> {
        let grant = reply::grant(&request)?;
        let permit = P::admit(&grant, &Target::default())?;
        Ok((Query { grant, permit }, request.into_inner()))
    }

    pub fn listing<P: Permit, M: Bounded + Addressed + Paged>(
        &self,
        request: Request<M>,
    ) -> Result<(Listing<P>, M), Fault> {
        let (grant, message) = admitted(request)?;
        let permit = permitted(&grant, &message)?;
        let (size, token) = message.page();
        let page = self
            .pages
            .open(grant.rpc().name, &filter(&message), size, token)?;
        Ok((Listing { grant, permit, page }, message))
    }

    pub fn following<P: Permit, M: Bounded + Addressed + requests::Following>(
        &self,
        request: Request<M>,
    ) -> Result<(Following<P>, M), Fault> {
        let (grant, message) = admitted(request)?;
        let permit = permitted(&grant, &message)?;
        let (size, cursor) = message.place();
        let from = self.pages.follow(grant.rpc().name, size, cursor)?;
        Ok((Following { grant, permit, from }, message))
    }

    pub fn mutation<P: Permit, M: Bounded + Addressed + Repeatable>(
        &self,
        request: Request<M>,
    ) -> Result<(Mutation<P>, M), Fault> {
        let bytes = request.extensions().get::<MessageBytes>().cloned();
        let (grant, message) = admitted(request)?;
        let request_id = reply::request_id(message.request_id()).map_err(reply::wrong)?;
        let permit = permitted(&grant, &message)?;
        let Some(MessageBytes(bytes)) = bytes else {
            tracing::error!(
                rpc = grant.rpc().name,
                "a request reached its handler without its bytes"
            );
            return Err(Fault::internal());
        };
        let account = &grant.principal().account;
        let request = self.requests.key(account, grant.rpc().name, request_id, &bytes);
        Ok((
            Mutation {
                grant,
                permit,
                request,
            },
            message,
        ))
    }
}

/// Bounds come before the permit: a field that is wrong is wrong whoever asks.
fn admitted<M: Bounded>(request: Request<M>) -> Result<(Grant, M), Fault> {
    let grant = reply::grant(&request)?;
    let message = request.into_inner();
    message.check()?;
    Ok((grant, message))
}

fn permitted<P: Permit, M: Addressed>(grant: &Grant, message: &M) -> Result<P, Fault> {
    P::admit(grant, &message.target())
}

fn filter<M: Paged>(message: &M) -> Vec<u8> {
    message.clone().without_page().encode_to_vec()
}

/// A page token that is not of this list.
fn foreign_token() -> Fault {
    reply::wrong(Violation::new(
        "page_token",
        "PAGE_TOKEN_FOREIGN",
        "分页标记不属于此查询，请从第一页重新查询",
        "is not a token of this list with this filter: begin at the first page",
    ))
}
