//! What everybody learns of orders, and what those learn whom they are about: counted from the rows each time.

use std::collections::BTreeMap;

use custody::OrderData;
use jiff::tz::TimeZone;
use model::Timestamp;

use super::{OrderActError, OrderFile, OrderState, rows};
use crate::Alliance;
use crate::accounts::Account;

/// What of an order everybody learns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderLine {
    /// It.
    pub file: OrderFile,
    /// Where, about how many people, and how many messages were handed over; nothing while an embargo stands.
    pub told: Option<OrderTold>,
}

/// What is told once there is no embargo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderTold {
    /// How many people it names.
    pub people: usize,
    /// How many messages were handed over; for traffic how often it was asked for.
    pub handed_over: u64,
}

/// Figures of one year.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OrderFigures {
    /// How many were filed.
    pub filed: u64,
    /// To how many two chambers agreed.
    pub approved: u64,
    /// How many were refused.
    pub refused: u64,
    /// How many lapsed.
    pub lapsed: u64,
    /// How many of those agreed to were for content.
    pub content: u64,
    /// How many were for traffic.
    pub traffic: u64,
    /// How many are under an embargo now.
    pub embargo: u64,
    /// How many people those name that are no secret.
    pub people: u64,
    /// How many messages were handed over under those.
    pub handed_over: u64,
}

/// The transparency report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderReport {
    /// By year of filing, newest first.
    pub years: Vec<(i16, OrderFigures)>,
    /// Each order that was decided on, newest first.
    pub lines: Vec<OrderLine>,
    /// How many wait.
    pub waiting: u64,
}

/// An order about somebody, as they see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderAboutMe {
    /// It.
    pub file: OrderFile,
    /// How many messages about them were handed over; for traffic how often it was asked for.
    pub handed_over: u64,
}

impl Alliance {
    /// The transparency report: counted from the rows, each time.
    ///
    /// # Errors
    /// When the database fails.
    pub fn order_report(&self, now: Timestamp) -> Result<OrderReport, OrderActError> {
        let all = self.db.read(rows::all)?;
        let mut years: BTreeMap<i16, OrderFigures> = BTreeMap::new();
        let mut report = OrderReport {
            years: Vec::new(),
            lines: Vec::new(),
            waiting: 0,
        };
        for file in all {
            let figures = years
                .entry(year(file.filed_at, &self.time_zone))
                .or_default();
            figures.filed += 1;
            match file.state {
                OrderState::Waiting => {
                    report.waiting += 1;
                    continue;
                }
                OrderState::Refused => figures.refused += 1,
                OrderState::Lapsed => figures.lapsed += 1,
                OrderState::Standing | OrderState::Expired | OrderState::Ended => {
                    figures.approved += 1;
                    match file.data {
                        OrderData::Content => figures.content += 1,
                        OrderData::Traffic => figures.traffic += 1,
                    }
                }
            }
            let told = match file.is_open(now) {
                true => self.told(&file)?,
                false => None,
            };
            match &told {
                Some(told) => {
                    figures.people += u64::try_from(told.people).unwrap_or(u64::MAX);
                    figures.handed_over += told.handed_over;
                }
                None => figures.embargo += u64::from(file.state.was_approved()),
            }
            report.lines.push(OrderLine { file, told });
        }
        report.years = years.into_iter().rev().collect();
        Ok(report)
    }

    fn told(&self, file: &OrderFile) -> Result<Option<OrderTold>, OrderActError> {
        let Some(order) = self.custody.lawful_order(file.number)? else {
            return Ok(None);
        };
        let handed_over = match file.data {
            OrderData::Content => self.custody.handed_over(&order)?.0,
            OrderData::Traffic => order.traffic_reads,
        };
        Ok(Some(OrderTold {
            people: file.people.len(),
            handed_over,
        }))
    }

    /// The orders about somebody that are no secret any more, newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub fn orders_about(
        &self,
        account: &Account,
        now: Timestamp,
    ) -> Result<Vec<OrderAboutMe>, OrderActError> {
        let mut found = Vec::new();
        for order in self.custody.orders_about(&account.id, now)? {
            let Some(file) = self.db.read(|tx| rows::one(tx, order.number))? else {
                continue;
            };
            let handed_over = match order.data {
                OrderData::Content => self.custody.handed_over_about(&order, &account.id)?,
                OrderData::Traffic => order.traffic_reads,
            };
            found.push(OrderAboutMe { file, handed_over });
        }
        Ok(found)
    }
}

fn year(at: Timestamp, zone: &TimeZone) -> i16 {
    let at = jiff::Timestamp::from_millisecond(at.as_millis()).unwrap_or_default();
    zone.to_datetime(at).year()
}
