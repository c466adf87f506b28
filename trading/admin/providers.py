"""The admin of who sends signals and which tokens are known. A secret is never shown, only its dates."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.decorators import display

from audit.desk import FactAdmin, shortened
from trading.admin.signals import FactInline
from trading.models import Provider, ProviderSecret, Token


class SecretInline(FactInline):
    model = ProviderSecret
    fields = ["created_at", "valid_until"]
    verbose_name_plural = "secrets"
    show_change_link = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[ProviderSecret]:
        return super().get_queryset(request).defer("secret")


@admin.register(Provider)
class ProviderAdmin(FactAdmin):
    list_display = ["name", "is_enabled", "requests_per_second", "burst", "secret_count"]
    search_fields = ["name"]
    fields = ["name", "is_enabled", "requests_per_second", "burst"]
    inlines = [SecretInline]

    @display(description="Secrets")
    def secret_count(self, provider: Provider) -> int:
        return provider.secrets.count()


@admin.register(Token)
class TokenAdmin(FactAdmin):
    list_display = ["symbol", "name", "short_mint", "refusal_code", "refused_until"]
    list_filter = ["refusal_code"]
    search_fields = ["symbol", "name", "mint"]

    @display(description="Mint")
    def short_mint(self, token: Token) -> str:
        return shortened(token.mint)
