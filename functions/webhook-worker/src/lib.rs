//! Tells other systems how jobs ended, by signed webhooks as [Standard Webhooks] has them.
//!
//! [Standard Webhooks]: https://www.standardwebhooks.com

mod outcome;
mod retry_after;
mod work;

pub use work::WebhookWork;
