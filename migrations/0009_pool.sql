-- Several lanes take from one list of planned effects. An effect belongs to the lane whose draft holds it, from the
-- commit of the draft until it is armed or the draft is dropped: two lanes never sign one effect.
ALTER TABLE effect ADD COLUMN drafted_by text;    -- the lane's lease
UPDATE effect e SET drafted_by = d.lease FROM draft d WHERE e.id = ANY (d.effect_ids) AND e.state = 'planned';
