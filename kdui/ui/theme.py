"""Gradio's own look expressed in the variables of assets/theme.css, so light and dark are designed in one place."""

import gradio as gr

SYSTEM_FONT = ["Inter", "ui-sans-serif", "system-ui", "-apple-system", "Segoe UI", "Roboto", "Noto Sans", "Liberation Sans", "sans-serif"]
SYSTEM_MONO = ["ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "DejaVu Sans Mono", "monospace"]

# Both modes take the same variable; theme.css gives it another value when dark.
COLOURS = {
    "body_background_fill": "var(--k-paper)", "body_text_color": "var(--k-ink)", "body_text_color_subdued": "var(--k-mute)",
    "background_fill_primary": "var(--k-card)", "background_fill_secondary": "var(--k-soft)",
    "border_color_primary": "var(--k-line)", "border_color_accent": "var(--k-teacher)", "color_accent": "var(--k-teacher)",
    "color_accent_soft": "var(--k-teacher-wash)", "link_text_color": "var(--k-teacher)", "link_text_color_hover": "var(--k-teacher)",
    "block_background_fill": "transparent", "block_border_color": "var(--k-line)", "block_label_text_color": "var(--k-mute)",
    "block_label_background_fill": "transparent", "block_info_text_color": "var(--k-mute)", "block_title_text_color": "var(--k-ink)",
    "panel_background_fill": "transparent", "panel_border_color": "var(--k-line)",
    "input_background_fill": "var(--k-card)", "input_background_fill_focus": "var(--k-card)", "input_border_color": "var(--k-line)",
    "input_border_color_hover": "var(--k-mute)", "input_border_color_focus": "var(--k-teacher)", "input_placeholder_color": "var(--k-mute)",
    "button_primary_background_fill": "var(--k-teacher)", "button_primary_background_fill_hover": "var(--k-teacher)",
    "button_primary_text_color": "var(--k-on-teacher)", "button_primary_border_color": "var(--k-teacher)",
    "button_primary_text_color_hover": "var(--k-on-teacher)",
    "button_secondary_background_fill": "var(--k-card)", "button_secondary_background_fill_hover": "var(--k-soft)",
    "button_secondary_text_color": "var(--k-ink)", "button_secondary_border_color": "var(--k-line)",
    "slider_color": "var(--k-teacher)", "checkbox_background_color": "var(--k-card)", "checkbox_border_color": "var(--k-mute)",
    "checkbox_background_color_selected": "var(--k-teacher)", "checkbox_border_color_selected": "var(--k-teacher)",
    "checkbox_label_background_fill": "var(--k-card)", "checkbox_label_background_fill_selected": "var(--k-teacher-wash)",
    "checkbox_label_text_color": "var(--k-ink)", "checkbox_label_text_color_selected": "var(--k-teacher)",
    "checkbox_label_border_color": "var(--k-line)", "checkbox_label_background_fill_hover": "var(--k-soft)",
    "table_border_color": "var(--k-line)", "table_even_background_fill": "var(--k-card)", "table_odd_background_fill": "var(--k-card)",
    "table_row_focus": "var(--k-teacher-wash)", "code_background_fill": "var(--k-soft)", "accordion_text_color": "var(--k-ink)",
}
SHAPES = {
    "block_border_width": "0px", "block_padding": "0", "block_radius": "10px", "block_shadow": "none", "block_label_padding": "0",
    "block_title_text_size": "15px", "block_title_text_weight": "600", "block_info_text_size": "14px", "block_label_text_size": "14px",
    "container_radius": "10px", "layout_gap": "14px", "form_gap_width": "0px", "input_radius": "10px", "input_shadow": "none",
    "input_shadow_focus": "none", "input_text_size": "15px", "button_large_radius": "10px", "button_medium_radius": "10px",
    "button_small_radius": "8px", "button_large_text_size": "15px", "button_medium_text_size": "15px", "button_small_text_size": "14px",
    "button_large_text_weight": "600", "button_medium_text_weight": "600", "button_small_text_weight": "600",
    "button_large_padding": "9px 16px", "button_medium_padding": "9px 16px", "button_small_padding": "5px 12px",
    "button_primary_shadow": "none", "button_secondary_shadow": "none", "checkbox_label_shadow": "none", "button_border_width": "1px",
}


def create_theme() -> gr.themes.Base:
    """The theme that ``launch`` passes on; system fonts only, nothing is fetched from outside."""
    theme = gr.themes.Base(font=SYSTEM_FONT, font_mono=SYSTEM_MONO)
    dark = {f"{name}_dark": value for name, value in COLOURS.items() if name != "color_accent"}  # Gradio has one accent for both
    return theme.set(**COLOURS, **dark, **SHAPES)
