//! Sessions, certificates of accounts, and pages of other sites.

use lutong_kernel::{Fault, FaultCode};

/// A session that was not made by this system, or not for this gateway.
pub fn session_invalid() -> Fault {
    Fault::new(
        FaultCode::Unauthenticated,
        "SESSION_INVALID",
        "登录凭证无效，请重新登录",
        "the session is not one of this system: sign in again",
    )
}

/// A session whose time is over.
pub fn session_expired() -> Fault {
    Fault::new(
        FaultCode::Unauthenticated,
        "SESSION_EXPIRED",
        "登录已过期，请重新登录",
        "the session has expired: sign in again",
    )
}

/// A session that ended before its time.
pub fn session_ended() -> Fault {
    Fault::new(
        FaultCode::Unauthenticated,
        "SESSION_ENDED",
        "已退出登录，或账号已变更、停用，请重新登录",
        "the session was signed out, or the account was changed or disabled: sign in again",
    )
}

/// A session that no cookie holds.
pub fn session_too_large() -> Fault {
    Fault::new(
        FaultCode::FailedPrecondition,
        "SESSION_TOO_LARGE",
        "此账号的授权过多，无法在浏览器登录，请通过接口登录",
        "the account has more grants than a browser's cookie holds: sign in over the API",
    )
}

/// A change by cookie without the session's token.
pub fn csrf_token_missing() -> Fault {
    Fault::new(
        FaultCode::PermissionDenied,
        "CSRF_TOKEN_MISSING",
        "缺少防伪令牌，请刷新页面后重试",
        "a change by cookie carries the session's token, in x-csrf-token or the field csrf_token: reload the page and try again",
    )
}

/// A change by cookie with another token than the session's.
pub fn csrf_token_wrong() -> Fault {
    Fault::new(
        FaultCode::PermissionDenied,
        "CSRF_TOKEN_WRONG",
        "防伪令牌与当前登录不符，请刷新页面后重试",
        "the token is not that of this session: reload the page and try again",
    )
}

/// A change by cookie that comes from a page of another site.
pub fn cross_site() -> Fault {
    Fault::new(
        FaultCode::PermissionDenied,
        "CROSS_SITE",
        "请求来自其他网站，已拒绝",
        "the request comes from a page of another site",
    )
}

/// The certificate of the connection has expired.
pub fn certificate_expired() -> Fault {
    Fault::new(
        FaultCode::Unauthenticated,
        "CERTIFICATE_EXPIRED",
        "证书已过期，请换发后重新连接",
        "the certificate of the connection has expired: have it issued anew, and connect again",
    )
}

/// The certificate names an account of a citizen.
pub fn certificate_of_no_staff() -> Fault {
    Fault::new(
        FaultCode::PermissionDenied,
        "CERTIFICATE_OF_NO_STAFF",
        "证书所示账号不是人员或数据源账号：请用 `lutong accounts add` 添加",
        "the certificate names no account of staff or a feed: add it with `lutong accounts add`",
    )
}
