-- Interim relief from a contested fact while its source is late with its answer.

ALTER TABLE fact_reviews ADD COLUMN relief_state TEXT;
ALTER TABLE fact_reviews ADD COLUMN relief_policy TEXT;
ALTER TABLE fact_reviews ADD COLUMN relief_from INTEGER;
ALTER TABLE fact_reviews ADD COLUMN relief_until INTEGER;
ALTER TABLE fact_reviews ADD COLUMN relief_ended_at INTEGER;
CREATE INDEX fact_reviews_relief ON fact_reviews (review_id) WHERE relief_state IN ('wanted', 'given', 'ending');
