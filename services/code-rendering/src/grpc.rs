//! The contract of code-rendering: parse, call, map.

pub mod convert;
pub mod decided;
pub mod masks;

use lutong_chassis::{Foundation, reply};
use lutong_kernel::{Fault, Violation};
use lutong_proto::code_rendering::v1::code_service_server::CodeService;
use lutong_proto::code_rendering::v1::verification_service_server::VerificationService;
use lutong_proto::code_rendering::v1::{
    ApplyDecisionsRequest, ApplyDecisionsResponse, ImageFormat, ListKeysRequest, ListKeysResponse,
    ShowCodeRequest, ShowCodeResponse, VerifyTokenRequest, VerifyTokenResponse,
};
use tonic::{Request, Response, Status};

use crate::service::codes::Codes;
use crate::service::keys::Keys;
use crate::service::showing::Showing;
use crate::service::verification::Verification;

/// Decisions in one call.
const MAX_BATCH: usize = 1_000;
/// Characters of a token.
const MAX_TOKEN: usize = 1_024;

#[derive(Clone)]
pub struct Handler {
    codes: Codes,
    keys: Keys,
    showing: Showing,
    verification: Verification,
}

impl Handler {
    pub fn new(codes: Codes, keys: Keys, foundation: &Foundation) -> Self {
        Self {
            showing: Showing::new(codes.clone(), keys.clone(), foundation),
            verification: Verification::new(codes.clone(), keys.clone(), foundation),
            codes,
            keys,
        }
    }

    async fn apply(&self, request: Request<ApplyDecisionsRequest>) -> Result<ApplyDecisionsResponse, Fault> {
        reply::grant(&request)?.any()?;
        let decisions = request.into_inner().decisions;
        reply::at_most("decisions", "TOO_MANY_DECISIONS", MAX_BATCH, decisions.len())?;
        let codes = decisions.iter().enumerate().map(|(row, decision)| {
            let within = |wrong: Violation| reply::wrong(wrong.within(&format!("decisions[{row}]")));
            convert::code(decision).map_err(within)
        });
        let codes = codes.collect::<Result<Vec<_>, _>>()?;
        let applied = self.codes.apply(codes).await?;
        Ok(ApplyDecisionsResponse {
            applied: i64::try_from(applied).unwrap_or(i64::MAX),
        })
    }

    async fn show(&self, request: Request<ShowCodeRequest>) -> Result<ShowCodeResponse, Fault> {
        let grant = reply::grant(&request)?;
        let ShowCodeRequest {
            subject_id,
            image_format,
        } = request.into_inner();
        let format = ImageFormat::try_from(image_format).map_err(|_| reply::wrong(unknown_format()))?;
        let shown = self.showing.show(grant.own(&subject_id)?).await?;
        let image = convert::image(&shown.token, format)?;
        Ok(convert::shown(shown, image))
    }

    async fn verify(&self, request: Request<VerifyTokenRequest>) -> Result<VerifyTokenResponse, Fault> {
        let permit = reply::grant(&request)?.any()?;
        let token = request.into_inner().token;
        if token.is_empty() || token.len() > MAX_TOKEN {
            return Err(reply::wrong(Violation::new(
                "token",
                "TOKEN_LENGTH",
                "请扫描健康通行码（1至1024个字符）",
                "a token has 1 to 1,024 characters",
            )));
        }
        Ok(self.verification.verify(permit, &token).await?.into())
    }

    async fn list_keys(&self) -> Result<ListKeysResponse, Fault> {
        let ring = self.keys.ring().await?;
        let keys = ring.published.iter().map(convert::public_key);
        Ok(ListKeysResponse {
            keys: keys.collect::<Result<_, _>>()?,
        })
    }
}

fn unknown_format() -> Violation {
    Violation::new(
        "image_format",
        "IMAGE_FORMAT_UNKNOWN",
        "图片格式不在列表中",
        "an image format of the list is required, or none",
    )
}

#[tonic::async_trait]
impl CodeService for Handler {
    async fn apply_decisions(
        &self,
        request: Request<ApplyDecisionsRequest>,
    ) -> Result<Response<ApplyDecisionsResponse>, Status> {
        reply::answer(self.apply(request).await)
    }

    async fn show_code(
        &self,
        request: Request<ShowCodeRequest>,
    ) -> Result<Response<ShowCodeResponse>, Status> {
        reply::answer(self.show(request).await)
    }
}

#[tonic::async_trait]
impl VerificationService for Handler {
    async fn verify_token(
        &self,
        request: Request<VerifyTokenRequest>,
    ) -> Result<Response<VerifyTokenResponse>, Status> {
        reply::answer(self.verify(request).await)
    }

    async fn list_keys(&self, _: Request<ListKeysRequest>) -> Result<Response<ListKeysResponse>, Status> {
        reply::answer(Self::list_keys(self).await)
    }
}
