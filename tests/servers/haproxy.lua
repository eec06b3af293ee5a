-- Sets txn.token_is_live by asking the introspection endpoint about the token of the request.

local introspection_url = os.getenv("INTROSPECTION_URL")

local function form_encoded(text)
    return (text:gsub("[^%w]", function(character) return ("%%%02X"):format(character:byte()) end))
end

core.register_action("introspect", { "http-req" }, function(txn)
    local authorization = txn.sf:req_hdr("authorization") or ""
    local token = authorization:gsub("^[Bb][Ee][Aa][Rr][Ee][Rr] +", "")
    local live = false
    if token ~= "" then
        local answer = core.httpclient():post({
            url = introspection_url,
            headers = { ["content-type"] = { "application/x-www-form-urlencoded" } },
            body = "token=" .. form_encoded(token),
        })
        live = answer.status == 200 and answer.body:find('"active":true', 1, true) ~= nil
    end
    txn:set_var("txn.token_is_live", live)
end)
