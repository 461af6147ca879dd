-- Prices on days without a session, or before the share's present listing began.
select
    prices.ticker,
    prices.session_date,
    case
        when sessions.session_date is null then 'no session that day'
        else 'before first_listed_date ' || companies.first_listed_date
    end as reason
from {{ ref('stg_equity_prices') }} as prices
left join {{ ref('stg_exchange_sessions') }} as sessions
    on prices.session_date = sessions.session_date
left join {{ ref('stg_companies') }} as companies
    on prices.ticker = companies.ticker
where
    sessions.session_date is null
    or prices.session_date < companies.first_listed_date
order by prices.ticker, prices.session_date
